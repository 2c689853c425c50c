"""Addresses of the lobby, rooms and requests."""

from django.urls import path

from xxxchat.pages import feed, lobby, requests, room
from xxxchat.pages.addresses.page import page

urlpatterns = [
    page("", lobby.page, name="lobby"),
    page("requests", requests.page, name="requests"),
    page("requests/live", requests.live, name="requests-live"),
    page("requests/<id:item_id>/leave", room.leave, name="leave"),
    page("rooms/<id:performer_id>", room.page, name="room"),
    page("rooms/<id:performer_id>/live", room.live, name="room-live"),
    page("rooms/<id:performer_id>/menu", room.menu, name="room-menu"),
    path("rooms/<id:performer_id>/feed", feed.read, name="room-feed"),  # the same for everybody: it may be cached
    page("rooms/<id:performer_id>/ask/<id:item_id>", room.ask, name="ask"),
]
