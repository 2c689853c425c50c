"""The addresses of the product. `/live/` is served by the events process (xxxchat.asgi)."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from xxxchat.docs import ApiDocs

api = [
    path("", include("accounts.urls")),
    path("", include("escrow.urls")),
    path("", include("perfqueue.urls")),
    path("", include("menus.urls")),
    path("", include("slots.urls")),
]
urlpatterns = [
    path("api/v1/", include(api)),
    path("api/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs", ApiDocs.as_view(), name="api-docs"),
    path("admin/", admin.site.urls),
    path("", include("xxxchat.health")),
    path("", include("xxxchat.pages.urls")),
]
handler400 = "core.envelope.bad_request"
handler403 = "core.envelope.permission_denied"
handler404 = "core.envelope.page_not_found"
handler500 = "core.envelope.server_error"
