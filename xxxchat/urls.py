"""The addresses of the product. `/live/` is served by the events process (xxxchat.asgi)."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from xxxchat.docs import ApiDocs, ApiSchema

admin.autodiscover()
api = [  # the most used first: they are tried in this order
    path("", include("perfqueue.urls")),
    path("", include("accounts.urls")),
    path("", include("escrow.urls")),
    path("", include("loyalty.urls")),
    path("", include("compliance.urls")),
    path("", include("menus.urls")),
    path("", include("slots.urls")),
]
urlpatterns = [
    path("api/v1/", include(api)),
    path("api/schema", ApiSchema.as_view(), name="api-schema"),
    path("api/docs", ApiDocs.as_view(), name="api-docs"),
    path("admin/password_change/", RedirectView.as_view(pattern_name=settings.CHANGE_URL)),
    path("admin/", admin.site.urls),
    path("", include("xxxchat.health")),
    path("", include("xxxchat.site_files")),
    path("", include("xxxchat.pages.urls")),
]
handler400 = "core.envelope.bad_request"
handler403 = "core.envelope.permission_denied"
handler404 = "core.envelope.page_not_found"
handler500 = "core.envelope.server_error"
