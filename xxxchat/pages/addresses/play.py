"""Addresses of the slot machine."""

from xxxchat.pages import slot
from xxxchat.pages.addresses.page import page

urlpatterns = [
    page("slots", slot.page, name="slots"),
    page("slots/live", slot.live, name="slots-live"),
    page("slots/spin", slot.spin, name="spin"),
]
