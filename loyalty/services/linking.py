"""Linking accounts to memberships, one to one: a code, the proof that RedRoomRewards checks, and unlinking by staff.

RedRoomRewards is called between transactions, never inside one.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F

from accounts.models import User
from core import db
from core.clock import CoreNow
from core.errors import NotFound, Refused, ValidationFailed, assert_reason
from core.ids import new_id
from loyalty import client
from loyalty.client import Confirmation, LinkStatus, LoyaltyClient
from loyalty.errors import (
    AlreadyLinked,
    AlreadyUnlinked,
    CodeRunOut,
    LoyaltyUnavailable,
    MemberTaken,
    OutcomeUnknown,
    RemoteRefusal,
)
from loyalty.models import Link, LinkIntent
from loyalty.services.balances import forget_balance, refresh_balance
from loyalty.services.modes import assert_remote

MOST_TRIES = 10
"""Proofs that are sent for one code."""
SHOWN_CODE = "confirmation_code"
"""The method of a proof that somebody typed from RedRoomRewards' page."""
MEMBER_ONCE, USER_ONCE = "loyalty_link_one_of_member", "loyalty_link_one_of_user"


@dataclass(frozen=True)
class LinkView:
    """Whether an account is linked, to which membership, and since when."""

    linked: bool
    member_id: str | None = None
    linked_at: datetime | None = None


@dataclass(frozen=True)
class IntentView:
    """A code that somebody types at RedRoomRewards, good until `expires_at` (RedRoomRewards' clock)."""

    id: UUID
    link_code: str
    expires_at: datetime

    @property
    def seconds_left(self) -> int:
        return max(0, int((self.expires_at - datetime.now(UTC)).total_seconds()))


@dataclass(frozen=True)
class Proof:
    """What shows RedRoomRewards that a membership is somebody's. Passed on, never stored."""

    method: str
    assertion: str


def link_of(user_id: UUID) -> LinkView:
    """Return the link of an account (one statement)."""
    found = Link.objects.filter(user_id=user_id, unlinked_at=None).values("member_id", "linked_at").first()
    return LinkView(linked=True, **found) if found else LinkView(linked=False)


def open_intent_of(user_id: UUID) -> IntentView | None:
    """Return the newest code of an account that is still good, if any (one statement)."""
    found = LinkIntent.objects.filter(
        user_id=user_id, confirmed_at=None, expires_at__gt=datetime.now(UTC), tries__lt=MOST_TRIES
    )
    row = found.order_by("-id").values("id", "link_code", "expires_at").first()
    return IntentView(**row) if row else None


def start_link(*, user_id: UUID) -> IntentView:
    """Ask RedRoomRewards for a code, and keep it. Older codes stay good until they run out.

    Raises:
        NotFound: points live here; AlreadyLinked; LoyaltyUnavailable: no code came. Nothing was written.
    """
    assert_remote()
    if link_of(user_id).linked:
        raise AlreadyLinked
    intent_id = new_id()
    try:
        given = client.run(lambda asked: asked.link_intent(user_id, key=f"link-{intent_id}"))
    except OutcomeUnknown as error:
        raise LoyaltyUnavailable(retry_after_s=5) from error
    LinkIntent.objects.create(
        id=intent_id,
        user_id=user_id,
        intent_id=given.intent_id,
        link_code=given.link_code,
        expires_at=given.expires_at,
    )
    return IntentView(intent_id, given.link_code, given.expires_at)


def confirm_link(*, user_id: UUID, intent_id: UUID, member_id: str, proof: Proof) -> LinkView:
    """Link a membership for which RedRoomRewards takes the proof, under the number by which RedRoomRewards knows it.

    The same proof for the same code is sent with the same key: after a lost answer, asking again gets the first one.
    What was confirmed is answered again.

    Raises:
        NotFound: points live here, or there is no such code of this account; AlreadyLinked: to another membership;
        CodeRunOut: its time or its tries; MemberTaken: the membership is another account's; ValidationFailed: the
        proof was not taken; LoyaltyUnavailable: no answer. Nothing but the try was written.
    """
    assert_remote()
    intent = db.first_or_not_found(LinkIntent.objects.filter(pk=intent_id, user_id=user_id))
    known = link_of(user_id)
    if known.linked:
        if intent.confirmed_at is not None:
            return known
        raise AlreadyLinked
    _assert_free(intent, member_id)
    confirmed = _confirmed(intent, user_id, member_id, proof)
    link = db.command(lambda: _linked(intent, user_id, confirmed))
    refresh_balance(user_id)
    return link


def _assert_free(intent: LinkIntent, member_id: str) -> None:
    """Count a try. Nothing is sent for a code that has run out, or for a membership that is known to be taken."""
    if Link.objects.filter(member_id=member_id, unlinked_at=None).exists():
        raise MemberTaken
    good = LinkIntent.objects.filter(
        pk=intent.pk, confirmed_at=None, tries__lt=MOST_TRIES, expires_at__gt=datetime.now(UTC)
    )
    if not good.update(tries=F("tries") + 1):
        raise CodeRunOut


def _confirmed(intent: LinkIntent, user_id: UUID, member_id: str, proof: Proof) -> str:
    """Send the proof; return the membership's number as RedRoomRewards writes it."""
    confirmation = Confirmation(
        intent_id=intent.intent_id,
        member_id=member_id,
        user_id=user_id,
        proof={"method": proof.method, "assertion": proof.assertion},
    )

    typed = hashlib.sha256("\0".join((member_id, proof.method, proof.assertion)).encode()).hexdigest()[:32]

    async def ask(asked: LoyaltyClient) -> LinkStatus:
        await asked.link_confirm(confirmation, key=f"link-{intent.pk}-{typed}")
        return await asked.link_status(user_id)

    try:
        status = client.run(ask)
    except OutcomeUnknown as error:
        raise LoyaltyUnavailable(retry_after_s=5) from error
    except RemoteRefusal as refusal:
        raise _refused(refusal.code) from refusal
    if status.member_id is None:
        raise _refused("")
    return status.member_id


def _refused(code: str) -> Refused:
    """Return what RedRoomRewards' refusal of a proof means; the contract names no codes for it."""
    if "LINKED" in code:
        return MemberTaken()
    if "INTENT" in code or "EXPIRED" in code:
        return CodeRunOut()
    return ValidationFailed(proof=["RedRoomRewards does not take this for the member number."])


def _linked(intent: LinkIntent, user_id: UUID, member_id: str) -> LinkView:
    try:
        link = Link.objects.create(user_id=user_id, member_id=member_id)
    except IntegrityError as error:
        if db.constraint_of(error) == MEMBER_ONCE:
            raise MemberTaken from error
        if db.constraint_of(error) == USER_ONCE:
            raise AlreadyLinked from error
        raise
    LinkIntent.objects.filter(pk=intent.pk).update(confirmed_at=CoreNow())
    link.refresh_from_db(fields=["linked_at"])
    return LinkView(linked=True, member_id=member_id, linked_at=link.linked_at)


def unlink(*, link_id: UUID, actor: User, reason: str) -> None:
    """End a link. RedRoomRewards is not told; what waits to be credited is still sent. Locks the link.

    Raises:
        ValidationFailed: no reason; NotFound; AlreadyUnlinked. Nothing was written.
    """
    assert_reason(reason)
    with db.joined():
        link = Link.objects.select_for_update(no_key=True).filter(pk=link_id).first()
        if link is None:
            raise NotFound
        if link.unlinked_at is not None:
            raise AlreadyUnlinked
        Link.objects.filter(pk=link_id).update(unlinked_at=CoreNow(), unlinked_by=actor, reason=reason)
        forget_balance(link.user_id)
