"""What browsers, search engines and researchers ask of any site, at the addresses that they know."""

from datetime import UTC, datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

ROBOTS = """\
User-agent: *
Disallow: /account
Disallow: /admin
Disallow: /api/
Disallow: /live/
Disallow: /requests
Disallow: /sign-in
Disallow: /slots
Disallow: /studio
Disallow: /wallet
Disallow: /rooms/*/
"""
DAY_S = 86_400


@require_safe
@cache_control(public=True, max_age=DAY_S)
def robots(request: HttpRequest) -> HttpResponse:
    """Answer robots.txt: the lobby and the rooms are for everybody, the rest is for people who have signed in."""
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=DAY_S)
def security(request: HttpRequest) -> HttpResponse:
    """Answer security.txt (RFC 9116); 404 without a contact, and once it has expired: nobody reads that mail."""
    contact, expires = settings.SECURITY_CONTACT, settings.SECURITY_EXPIRES
    if not contact or expires is None or expires <= datetime.now(UTC):
        raise Http404
    text = f"Contact: {contact}\nExpires: {expires.isoformat()}\nPreferred-Languages: en\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


class Favicon(RedirectView):
    """Redirect to the file under its hashed name, for programs that do not read the page's link."""

    http_method_names = ["get", "head"]

    def get_redirect_url(self, *args: object, **kwargs: object) -> str:
        return static("favicon.ico")


urlpatterns = [
    path("robots.txt", robots, name="robots"),
    path(".well-known/security.txt", security, name="security"),
    path("favicon.ico", Favicon.as_view(), name="favicon"),
]
