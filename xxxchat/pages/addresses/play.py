"""Addresses of the slot machine."""

from xxxchat.pages import play_history, points, slot
from xxxchat.pages.addresses.page import page

urlpatterns = [
    page("slots", slot.page, name="slots"),
    page("slots/live", slot.live, name="slots-live"),
    page("slots/points", points.part, name="slots-points"),
    page("rooms/<id:performer_id>/slots", slot.in_room, name="room-slots"),
    page("rooms/<id:performer_id>/slots/live", slot.in_room_live, name="room-slots-live"),
    page("slots/spin", slot.spin, name="spin"),
    page("slots/history", play_history.page, name="slots-history"),
    page("slots/spins/<id:spin_id>", play_history.spin, name="slots-spin"),
]
