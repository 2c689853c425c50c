"""A room's feed: what its room was told last, drawn with the page, then read by its script where no stream comes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from core.freshness import conditional
from core.shapes import utc
from live import services as live
from xxxchat.pages.performers import performer_or_404

MOST = 30
FOLDED = "menu.changed"
"""Said once however often it comes in a row: a menu is edited in many small steps."""
ICONS = {
    "queue.item.created": "list-ordered",
    "queue.item.started": "mic-vocal",
    "queue.item.finished": "check",
    "queue.item.abandoned": "circle-stop",
    "queue.item.refunded": "undo-2",
    "menu.changed": "square-menu",
}


@dataclass(frozen=True)
class Said:
    """One line of the feed. `id` is the event's in the stream."""

    id: str
    key: str
    icon: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Feed:
    """`lines` newest first; `icons` by template key, for the lines that a script adds."""

    lines: tuple[Said, ...]
    icons: dict[str, str]
    folded: str = FOLDED
    most: int = MOST


def feed_of(performer_id: UUID) -> Feed:
    """One statement."""
    told = live.recent(performer_id, limit=MOST, folded=[FOLDED])
    return Feed(tuple(Said(each.id, each.key, ICONS[each.key], each.text, each.at) for each in told), ICONS)


@require_GET
def read(request: HttpRequest, performer_id: UUID) -> HttpResponse:
    """The feed as JSON: the same for everybody, so it may be kept and asked about (304 to a known ETag)."""
    lines = feed_of(performer_or_404(performer_id).id).lines
    said = [{"id": line.id, "key": line.key, "text": line.text, "at": utc(line.at)} for line in lines]
    return conditional(request, JsonResponse({"items": said}), cache="no-cache")
