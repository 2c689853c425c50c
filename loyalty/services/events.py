"""Events that RedRoomRewards sends: each kept once, and followed in rounds that ask it what is true now."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog

from accounts.models import User
from core.clock import CoreNow, db_now
from core.db import command, joined
from core.errors import ValidationFailed
from core.fields import UUID_TEXT
from loyalty import client
from loyalty.errors import LoyaltyUnavailable, OutcomeUnknown, RemoteRefusal
from loyalty.models import Link, WebhookEvent
from loyalty.services.balances import refresh_balance

MAX_TYPE_CHARS = 64
AT_ONCE = 50
AGAIN_IN, GIVE_UP_AFTER = timedelta(seconds=30), timedelta(hours=24)
LINK_UPDATED = "LINK_UPDATED"
OF_BALANCES = frozenset(
    {
        "POINTS_POSTED",
        "POINTS_REVERSED",
        "REDEMPTION_COMMITTED",
        "REDEMPTION_REVERSED",
        "TRANSFER_COMPLETED",
        "TRANSFER_REVERSED",
    }
)
"""After them the balance of the user they name is asked for."""
KEPT_ONLY = frozenset({"PROMOTION_STATUS_CHANGED"})
KNOWN = OF_BALANCES | KEPT_ONLY | {LINK_UPDATED}
USER_FIELDS, MEMBER_FIELDS, WITHIN = ("userId", "clientUserId"), ("memberId",), ("data", "payload")
NOT_THERE, OTHER_MEMBER, UNASKED = "not linked there", "another member there", "no answer for a day"

log = structlog.get_logger()


@dataclass(frozen=True)
class Received:
    """Whether an event was kept now or was known before."""

    event_id: str
    outcome: str


def receive_event(*, event_id: str, type: str, body: dict[str, Any]) -> Received:
    """Keep an event once by its id; the first one of an id stands (at most three statements).

    Raises:
        ValidationFailed: it has a text or number that cannot be stored. Nothing was written.
    """
    if not _is_storable(body):
        raise ValidationFailed(body=["It has a text or a number that cannot be kept."])
    with joined():
        user_id = _person_of(body)
        follows = type in OF_BALANCES | {LINK_UPDATED} and user_id is not None
        made = WebhookEvent(event_id=event_id, type=type[:MAX_TYPE_CHARS], body=body, user_id=user_id)
        if follows:
            made.due_at = db_now()
        WebhookEvent.objects.bulk_create([made], ignore_conflicts=True)
        is_new = WebhookEvent.objects.filter(pk=made.pk).exists()
    if is_new and type not in KNOWN:
        log.info("loyalty_event_of_unknown_type", row=str(made.pk))
    return Received(event_id, "stored" if is_new else "known")


def follow_events() -> int:
    """Do what the events that wait call for; return how many were followed.

    Each is taken by one round at a time: its next time is moved on, in a transaction of its own, before RedRoomRewards
    is asked, so that a round which ends midway leaves it to a later one. After a day without an answer it is given up.
    """
    return sum(_followed(event) for event in command(_taken))


def _taken() -> list[WebhookEvent]:
    due = WebhookEvent.objects.filter(due_at__lte=db_now()).order_by("due_at")
    taken = list(due.select_for_update(skip_locked=True, no_key=True)[:AT_ONCE])
    WebhookEvent.objects.filter(pk__in=[each.pk for each in taken]).update(due_at=CoreNow() + AGAIN_IN)
    return taken


def _followed(event: WebhookEvent) -> bool:
    note = _link_faults(event) if event.type == LINK_UPDATED else _asked_anew(event)
    if note is None and event.received_at + GIVE_UP_AFTER > db_now():
        return False
    waiting = WebhookEvent.objects.filter(pk=event.pk, due_at__isnull=False)
    return bool(waiting.update(due_at=None, handled=note is not None, note=UNASKED if note is None else note))


def _asked_anew(event: WebhookEvent) -> str | None:
    """Ask for the balance of an event's user; None without an answer."""
    user_id = cast(UUID, event.user_id)
    is_linked = Link.objects.filter(user_id=user_id, unlinked_at=None).exists()
    return None if is_linked and refresh_balance(user_id) is None else ""


def _link_faults(event: WebhookEvent) -> str | None:
    """Compare a user's link with RedRoomRewards'; say how they differ, for staff. None without an answer."""
    user_id = cast(UUID, event.user_id)
    try:
        there = client.run(lambda asked: asked.link_status(user_id))
    except (LoyaltyUnavailable, OutcomeUnknown):
        return None
    except RemoteRefusal:
        return NOT_THERE
    refresh_balance(user_id)
    here = Link.objects.filter(user_id=user_id, unlinked_at=None).values_list("member_id", flat=True).first()
    if here is None or (there.linked and there.member_id == here):
        return ""
    return OTHER_MEMBER if there.linked else NOT_THERE


def _person_of(body: dict[str, Any]) -> UUID | None:
    """Return the user that an event names, by our id or by the number of a linked membership."""
    places = [body, *(body[name] for name in WITHIN if isinstance(body.get(name), dict))]
    for text in (place.get(name) for place in places for name in USER_FIELDS):
        if isinstance(text, str) and UUID_TEXT.match(text):
            found: UUID | None = User.objects.filter(pk=text).values_list("pk", flat=True).first()
            return found
    for text in (place.get(name) for place in places for name in MEMBER_FIELDS):
        if isinstance(text, str):
            return Link.objects.filter(member_id=text, unlinked_at=None).values_list("user_id", flat=True).first()
    return None


def _is_storable(value: Any) -> bool:
    """Return whether PostgreSQL's jsonb can hold a value: no NUL, no lone surrogate, no number without an end."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_is_storable(each) for member in value.items() for each in member)
    return all(map(_is_storable, value)) if isinstance(value, list) else True
