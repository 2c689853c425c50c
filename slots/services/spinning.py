"""A spin: load, decide, hold, intake, store, in the caller's transaction."""

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
from slots.gates import Decision, Limits, Session, SpinRequest, decide
from slots.models import Spin
from slots.sealing import fresh_seed
from slots.services import storage

FEATURE = "slots"
TITLE = "Slot machine spin"  # of the item in the player's own list of requests


@dataclass(frozen=True, kw_only=True)
class SpinResult:
    """A stored spin and the player's session. ``spins_left`` is None when the hourly limit is off."""

    spin: Spin
    session: Session
    spins_left: int | None


def limits() -> Limits:
    """Return the spin limits in force, from the environment."""
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
) -> SpinResult:
    """Spin once: take ``bet`` points, draw, pay the award, reveal the seed and commit to the next.

    Locks the user's slot state, then (in escrow and queue) the hold and the wallet. Without ``client_nonce`` one is
    drawn here; a ``client_seed`` is kept for the next spins too. ``performer_id`` names the room.

    Raises:
        RoleNotAllowed, NotFound (no such performer), GameDisabled, AgeVerificationRequired, TermsNotAccepted,
        PaytableChanged, CommitmentStale, InvalidBet, SpinTooFast, HourlyLimitReached, InsufficientBalance,
        WalletFrozen: the caller rolls back; commitment and nonce are unchanged.
    """
    request = SpinRequest(
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
        (context,) = storage.load([request], limits())
        decision = decide(request, context, limits())
        stored = _paid(decision)
        storage.store([(stored, decision)])
    return SpinResult(spin=stored, session=decision.session, spins_left=decision.spins_left)


def record_refusal(*, user: User, refusal: DomainError) -> None:
    """Record a gate's refusal of a spin, in its own transaction; other refusals leave no row.

    Called after the spin was rolled back. If it cannot be written, the refusal is answered all the same.
    """
    if isinstance(refusal, GateRefused):
        compliance.record_refusal(user_id=user.id, feature=FEATURE, refusal=refusal)
    elif isinstance(refusal, InsufficientBalance | WalletFrozen):
        compliance.record_refusal(user_id=user.id, feature=FEATURE, refusal=refusal, gate="balance")


def _paid(decision: Decision) -> Spin:
    """Hold the bet, submit the instant item that settles it and pays the award; return the spin, not yet stored."""
    request = decision.request
    hold_id, source = new_id(), str(request.spin_id)
    opened = escrow.hold(
        escrow.HoldRequest(
            hold_id=hold_id,
            key=f"spin-{source}",
            payer_id=request.user.id,
            payee=escrow.Payee(user_id=None, house=escrow.House.SLOTS_BANK),
            currency=escrow.Currency.POINT,
            amount=request.bet,
            feature=FEATURE,
            source_event_id=source,
            actor_id=request.user.id,
        )
    )
    intake = perfqueue.intake(
        perfqueue.Intake(
            idempotency_key=source,
            source_feature=FEATURE,
            source_event_id=source,
            performer_id=request.performer_id,
            user_id=request.user.id,
            hold_id=hold_id,
            tokens=request.bet,
            currency=escrow.Currency.POINT,
            title=TITLE,
            fulfilment="instant",
            award=decision.drawn.payout,
            announce=(_event(decision),),
        ),
        actor=request.user,
    )
    after = opened.available if intake.available is None else intake.available
    return _spin(decision, hold_id=hold_id, item_id=intake.item.id, before=opened.available + request.bet, after=after)


def _spin(decision: Decision, *, hold_id: UUID, item_id: UUID, before: int, after: int) -> Spin:
    """Build the row of a spin, linked to the previous one."""
    request, context, drawn = decision.request, decision.context, decision.drawn
    row = Spin(
        id=request.spin_id,
        user_id=request.user.id,
        nonce=context.nonce,
        at=context.now,
        bet=request.bet,
        payout=drawn.payout,
        ticket=drawn.ticket,
        symbols=list(drawn.symbols),
        paytable_id=decision.paytable_id,
        paytable_digest=decision.table.digest,
        seed=context.seed,
        next_commitment=draw.commitment(request.next_seed),
        client_seed=decision.client_seed,
        client_nonce=request.client_nonce,
        client_nonce_drawn=request.client_nonce_drawn,
        performer_id=request.performer_id,
        hold_id=hold_id,
        item_id=item_id,
        balance_before=before,
        balance_after=after,
        staked_total=context.staked_total + request.bet,
        paid_total=context.paid_total + drawn.payout,
    )
    row.chain = storage.linked(row, context.chain)
    return row


def _event(decision: Decision) -> Event:
    """Build the event for the player's other windows; it has no other recipient."""
    request, drawn = decision.request, decision.drawn
    return Event(
        key="slots.spin",
        recipient_id=request.user.id,
        variables={
            "spinId": str(request.spin_id),
            "nonce": decision.context.nonce,
            "symbols": list(drawn.symbols),
            "bet": request.bet,
            "payout": drawn.payout,
        },
    )
