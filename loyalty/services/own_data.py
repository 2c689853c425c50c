"""What loyalty holds about a person, and what goes when they are erased."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Cast, Concat

from core.clock import CoreNow
from core.db import joined
from core.own_data import Section, section
from loyalty.models import (
    WAITING,
    Difference,
    KnownBalance,
    Link,
    LinkIntent,
    OperationState,
    RemoteOperation,
    WebhookEvent,
)
from loyalty.services.balances import forget_balance

ERASED = "erased"


def own_data(user_id: UUID) -> Iterator[Section]:
    """Return a person's links to RedRoomRewards, its events about them, what was changed there, and what differed."""
    yield section("loyaltyLinks", Link.objects.filter(user_id=user_id), of="user", but=("unlinked_by", "reason"))
    yield section("loyaltyLinkIntents", LinkIntent.objects.filter(user_id=user_id), of="user", but=("link_code",))
    yield section("loyaltyOperations", RemoteOperation.objects.filter(user_id=user_id), of="user")
    yield section("loyaltyBalance", KnownBalance.objects.filter(user_id=user_id), of="user", by="user_id")
    yield section("loyaltyEvents", WebhookEvent.objects.filter(user_id=user_id), of="user", but=("note",))
    yield section("loyaltyDifferences", Difference.objects.filter(user_id=user_id), of="user")


def open_operations_of(user_id: UUID) -> int:
    """Return how many of a person's operations are not finished, dead letters included (one statement)."""
    unfinished = Q(state__in=WAITING) | Q(state=OperationState.DEAD)
    return RemoteOperation.objects.filter(unfinished, user_id=user_id).count()


def erase_person(user_id: UUID) -> None:
    """End a person's link; delete the known balance, the numbers of memberships, codes and the bodies of events.

    Ids, times, amounts and what was sent stay: in a body that was sent there are ids of ours only.
    """
    with joined():
        links = Link.objects.filter(user_id=user_id)
        links.filter(unlinked_at=None).update(unlinked_at=CoreNow(), reason=ERASED)
        erased = Concat(Value("erased-"), Cast(F("id"), TextField()), output_field=TextField())
        links.exclude(member_id__startswith="erased-").update(member_id=erased)
        LinkIntent.objects.filter(user_id=user_id).exclude(link_code="").update(link_code="")
        WebhookEvent.objects.filter(user_id=user_id).exclude(body={}).update(body={}, due_at=None)
        forget_balance(user_id)
