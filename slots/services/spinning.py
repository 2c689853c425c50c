"""A spin, end to end: load, decide, hold, intake, store. The caller's transaction commits all of it or none."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from accounts.models import User
from compliance import services as compliance
from compliance.errors import GateRefused
from core.db import joined
from core.errors import DomainError
from core.ids import new_id
from escrow import services as escrow
from escrow.errors import InsufficientBalance, WalletFrozen
from live.services import Event
from perfqueue import services as perfqueue
from slots import draw
from slots.gates import Asked, Decision, Limits, Session, decide
from slots.models import Spin
from slots.sealing import fresh_seed
from slots.services import storage

FEATURE = "slots"
TITLE = "Slot machine spin"  # what the item is called in the player's own list of requests


@dataclass(frozen=True, kw_only=True)
class Spun:
    """A spin that happened, and where it leaves the player. ``spins_left`` is None when the hourly limit is off."""

    spin: Spin
    session: Session
    spins_left: int | None


def limits() -> Limits:
    """The spin limits in force, from the environment."""
    return Limits(
        min_interval=timedelta(milliseconds=settings.SLOTS_MIN_INTERVAL_MS),
        spins_per_hour=settings.SLOTS_SPINS_PER_HOUR,
    )


def spin(
    *,
    user: User,
    bet: int,
    commitment: bytes | None = None,
    paytable_digest: bytes | None = None,
    client_nonce: bytes | None = None,
    client_seed: str | None = None,
    performer_id: UUID | None = None,
) -> Spun:
    """Spin once: take ``bet`` points, draw, pay the award, reveal the seed and commit to the next.

    Locks the user's slot state, then (in escrow and queue) the hold and the wallet. Without ``client_nonce`` one is
    drawn here; a ``client_seed`` is kept for the spins after this one. ``performer_id`` says whose room it was.

    Raises:
        RoleNotAllowed, NotFound (no such performer), GameDisabled, AgeVerificationRequired, TermsNotAccepted,
        PaytableChanged, CommitmentStale, InvalidBet, SpinTooFast, HourlyLimitReached, InsufficientBalance,
        WalletFrozen: the caller rolls back; commitment and nonce are as before.
    """
    asked = Asked(
        user=user,
        spin_id=new_id(),
        bet=bet,
        commitment=commitment,
        paytable_digest=paytable_digest,
        client_nonce=client_nonce or secrets.token_bytes(draw.CLIENT_NONCE_BYTES),
        client_nonce_drawn=client_nonce is None,
        client_seed=client_seed,
        performer_id=performer_id,
        next_seed=fresh_seed(),
    )
    with joined():
        (standing,) = storage.load([asked], limits())
        decision = decide(asked, standing, limits())
        spun = _paid(decision)
        storage.store([(spun, decision)])
    return Spun(spin=spun, session=decision.session, spins_left=decision.spins_left)


def record_refusal(*, user: User, refusal: DomainError) -> None:
    """Keep a gate's refusal of a spin, in a transaction of its own; other refusals are no gate's and leave no row.

    Called after the spin rolled back. If it cannot be written the refusal still stands.
    """
    if isinstance(refusal, GateRefused):
        compliance.record_refusal(user_id=user.id, feature=FEATURE, refusal=refusal)
    elif isinstance(refusal, InsufficientBalance | WalletFrozen):
        compliance.record_refusal(user_id=user.id, feature=FEATURE, refusal=refusal, gate="balance")


def _paid(decision: Decision) -> Spin:
    """Hold the bet and hand the queue the instant item that settles it and pays the award; return the whole spin."""
    asked = decision.asked
    hold_id, source = new_id(), str(asked.spin_id)
    opened = escrow.hold(
        escrow.HoldRequest(
            hold_id=hold_id,
            key=f"spin-{source}",
            payer_id=asked.user.id,
            payee=escrow.Payee(user_id=None, house=escrow.House.SLOTS_BANK),
            currency=escrow.Currency.POINT,
            amount=asked.bet,
            feature=FEATURE,
            source_event_id=source,
            actor_id=asked.user.id,
        )
    )
    placed = perfqueue.intake(
        perfqueue.Intake(
            idempotency_key=source,
            source_feature=FEATURE,
            source_event_id=source,
            performer_id=asked.performer_id,
            user_id=asked.user.id,
            hold_id=hold_id,
            tokens=asked.bet,
            currency=escrow.Currency.POINT,
            title=TITLE,
            fulfilment="instant",
            award=decision.drawn.payout,
            announce=(_event(decision),),
        ),
        actor=asked.user,
    )
    after = opened.available if placed.available is None else placed.available
    return _spin(decision, hold_id=hold_id, item_id=placed.item.id, before=opened.available + asked.bet, after=after)


def _spin(decision: Decision, *, hold_id: UUID, item_id: UUID, before: int, after: int) -> Spin:
    """Put together the row of a spin, linked to the one before it."""
    asked, standing, drawn = decision.asked, decision.standing, decision.drawn
    spun = Spin(
        id=asked.spin_id,
        user_id=asked.user.id,
        nonce=standing.nonce,
        at=standing.now,
        bet=asked.bet,
        payout=drawn.payout,
        ticket=drawn.ticket,
        symbols=list(drawn.symbols),
        paytable_id=decision.paytable_id,
        paytable_digest=decision.table.digest,
        seed=standing.seed,
        next_commitment=draw.commitment(asked.next_seed),
        client_seed=decision.client_seed,
        client_nonce=asked.client_nonce,
        client_nonce_drawn=asked.client_nonce_drawn,
        performer_id=asked.performer_id,
        hold_id=hold_id,
        item_id=item_id,
        balance_before=before,
        balance_after=after,
        staked_total=standing.staked_total + asked.bet,
        paid_total=standing.paid_total + drawn.payout,
    )
    spun.chain = storage.linked(spun, standing.chain)
    return spun


def _event(decision: Decision) -> Event:
    """Tell the player's other windows: ids and figures only, nobody else is told."""
    asked, drawn = decision.asked, decision.drawn
    return Event(
        key="slots.spin",
        recipient_id=asked.user.id,
        variables={
            "spinId": str(asked.spin_id),
            "nonce": decision.standing.nonce,
            "symbols": list(drawn.symbols),
            "bet": asked.bet,
            "payout": drawn.payout,
        },
    )
