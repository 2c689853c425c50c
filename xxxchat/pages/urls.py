"""Addresses of the pages, at the root. `<id:…>` makes anything that is no UUID an id that no row has: 404."""

from django.urls import path

from core import api as _converters  # noqa: F401  registers `id`
from xxxchat.pages import account, lobby, requests, room, slot, studio, wallet

urlpatterns = [
    path("", lobby.page, name="lobby"),
    path("sign-in", account.sign_in, name="sign-in"),
    path("sign-out", account.sign_out, name="sign-out"),
    path("account", account.account, name="account"),
    path("account/theme", account.theme, name="theme"),
    path("wallet", wallet.page, name="wallet"),
    path("requests", requests.page, name="requests"),
    path("requests/<id:item_id>/leave", room.leave, name="leave"),
    path("rooms/<id:performer_id>", room.page, name="room"),
    path("rooms/<id:performer_id>/live", room.live, name="room-live"),
    path("rooms/<id:performer_id>/ask/<id:item_id>", room.ask, name="ask"),
    path("slots", slot.page, name="slots"),
    path("slots/live", slot.live, name="slots-live"),
    path("slots/spin", slot.spin, name="spin"),
    path("studio", studio.page, name="studio"),
    path("studio/live", studio.live, name="studio-live"),
    path("studio/close", studio.close, name="studio-close"),
    path("studio/line/<str:what>", studio.line_command, name="studio-line"),
    path("studio/items/<id:item_id>/start", studio.start, name="studio-start"),
    path("studio/items/<id:item_id>/finish", studio.finish, name="studio-finish"),
    path("studio/items/<id:item_id>/stop", studio.stop, name="studio-stop"),
    path("studio/items/<id:item_id>/refund", studio.refund, name="studio-refund"),
]
