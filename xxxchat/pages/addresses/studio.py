"""Addresses of the studio."""

from xxxchat.pages.addresses.page import page
from xxxchat.pages.studio import payout
from xxxchat.pages.studio import views as studio

urlpatterns = [
    page("studio", studio.page, name="studio"),
    page("studio/live", studio.live, name="studio-live"),
    page("studio/close", studio.close, name="studio-close"),
    page("studio/payout", payout.payout, name="studio-payout"),
    page("studio/line/<str:command>", studio.queue_command, name="studio-queue"),
    page("studio/items/<id:item_id>/start", studio.start, name="studio-start"),
    page("studio/items/<id:item_id>/finish", studio.finish, name="studio-finish"),
    page("studio/items/<id:item_id>/stop", studio.stop, name="studio-stop"),
    page("studio/items/<id:item_id>/refund", studio.refund, name="studio-refund"),
]
