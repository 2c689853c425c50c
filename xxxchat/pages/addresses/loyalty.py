"""Addresses of linking a RedRoomRewards membership."""

from xxxchat.pages import loyalty
from xxxchat.pages.addresses.page import page

urlpatterns = [
    page("loyalty", loyalty.page, name="loyalty"),
    page("loyalty/code", loyalty.code, name="loyalty-code"),
    page("loyalty/confirm", loyalty.confirm, name="loyalty-confirm"),
]
