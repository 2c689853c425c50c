"""Addresses of the pages, at the root. `<id:…>` makes anything that is no UUID an id that no row has: 404."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.cache import cache_control

from core import api as _converters  # noqa: F401  registers `id`
from core.errors import NotFound
from xxxchat.pages import account, feed, lobby, requests, room, slot, wallet
from xxxchat.pages.studio import payout
from xxxchat.pages.studio import views as studio


def page(route: str, view: Callable[..., HttpResponseBase], *, name: str) -> URLPattern:
    """An address whose answer is never cached: after signing out, the browser's back button shows nothing of it.

    A NotFound of a service is the page for 404.
    """

    @cache_control(private=True, no_store=True)
    @wraps(view)
    def answered(*args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(*args, **kwargs)
        except NotFound as error:
            raise Http404 from error

    return path(route, answered, name=name)


urlpatterns = [
    page("", lobby.page, name="lobby"),
    page("sign-in", account.sign_in, name="sign-in"),
    page("sign-out", account.sign_out, name="sign-out"),
    page("account", account.account, name="account"),
    page("account/theme", account.theme, name="theme"),
    page("wallet", wallet.page, name="wallet"),
    page("wallet/statement.csv", wallet.statement_csv, name="wallet-csv"),
    page("requests", requests.page, name="requests"),
    page("requests/live", requests.live, name="requests-live"),
    page("requests/<id:item_id>/leave", room.leave, name="leave"),
    page("rooms/<id:performer_id>", room.page, name="room"),
    page("rooms/<id:performer_id>/live", room.live, name="room-live"),
    path("rooms/<id:performer_id>/feed", feed.read, name="room-feed"),  # the same for everybody: it may be cached
    page("rooms/<id:performer_id>/ask/<id:item_id>", room.ask, name="ask"),
    page("slots", slot.page, name="slots"),
    page("slots/live", slot.live, name="slots-live"),
    page("slots/spin", slot.spin, name="spin"),
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
