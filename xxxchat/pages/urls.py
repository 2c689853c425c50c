"""Addresses of the pages, at the root. `<id:…>` makes anything that is no UUID an id that no row has: 404."""

from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from xxxchat.pages.addresses import limits, loyalty, money, people, play, rooms, studio
from xxxchat.pages.addresses.page import page

back_office = RedirectView.as_view(pattern_name="admin:index", permanent=True, query_string=True)
urlpatterns = [
    page("admin", require_safe(back_office), name="back-office"),
    *people.urlpatterns,
    *money.urlpatterns,
    *limits.urlpatterns,
    *loyalty.urlpatterns,
    *rooms.urlpatterns,
    *play.urlpatterns,
    *studio.urlpatterns,
]
