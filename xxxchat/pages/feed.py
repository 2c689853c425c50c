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
    "menu.changed": "square-menu",
}


@dataclass(frozen=True)
class FeedMessage:
    """One message of the feed. `id` is the event's in the stream."""

    id: str
    key: str
    icon: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Feed:
    """`messages` newest first; `icons` by template key, for the messages that a script adds."""

    messages: tuple[FeedMessage, ...]
    icons: dict[str, str]
    folded: str = FOLDED
    limit: int = MAX_FEED_MESSAGES


def feed_of(performer_id: UUID) -> Feed:
    """One statement."""
    recent = live.recent(performer_id, limit=MAX_FEED_MESSAGES, folded=[FOLDED])
    return Feed(tuple(FeedMessage(each.id, each.key, ICONS[each.key], each.text, each.at) for each in recent), ICONS)


@require_GET
def read(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """The feed as JSON. It is the same for everybody, so it may be cached and revalidated (304 to a known ETag)."""
    messages = feed_of(performer_or_404(performer_id).id).messages
    items = [{"id": each.id, "key": each.key, "text": each.text, "at": utc(each.at)} for each in messages]
    return conditional(request, JsonResponse({"items": items}), cache="no-cache")
