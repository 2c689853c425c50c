"""A room's feed: its recent messages, drawn with the page; its script reads them again where it has no stream."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from core.freshness import conditional
from core.shapes import utc
from live import services as live
from xxxchat.pages.performers import performer_or_404

MAX_FEED_MESSAGES = 30
FOLDED = "menu.changed"
"""Shown once however often it comes in a row: a menu is edited in many small steps."""
ICONS = {
    "queue.item.created": "list-ordered",
    "queue.item.started": "mic-vocal",
    "queue.item.finished": "check",
    "queue.item.abandoned": "circle-stop",
    "queue.item.refunded": "undo-2",
    "queue.changed": "circle-dot",
    "menu.changed": "square-menu",
}


@dataclass(frozen=True)
class Feed:
    """`messages` newest first, each with its icon; `icons` by template key, for the messages that a script adds."""

    messages: list[tuple[live.Message, str]]
    icons: dict[str, str]
    folded: str = FOLDED
    limit: int = MAX_FEED_MESSAGES


def feed_of(performer_id: UUID) -> Feed:
    """One statement."""
    recent = live.recent(performer_id, limit=MAX_FEED_MESSAGES, folded=[FOLDED])
    return Feed([(message, ICONS[message.key]) for message in recent], ICONS)


def latest_of(performer_id: UUID) -> live.Latest:
    """The version of a feed (one statement)."""
    return live.latest(performer_id, limit=MAX_FEED_MESSAGES)


def ends_at(feed: Feed, latest: live.Latest) -> datetime | None:
    """When a feed may change though what is latest does not: its messages below that are deleted at some age."""
    below = [message.at for message, _ in feed.messages if message.id not in latest.ids]
    return min(below) + live.MAX_EVENT_AGE if below else None


@require_GET
def read(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """The feed as JSON. It is the same for everybody, so it may be cached and revalidated (304 to a known ETag)."""
    messages = feed_of(performer_or_404(performer_id).id).messages
    items = [{"id": each.id, "key": each.key, "text": each.text, "at": utc(each.at)} for each, _ in messages]
    return conditional(request, JsonResponse({"items": items}), cache="no-cache")
