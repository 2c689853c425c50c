"""Spins by lists: load, decide, store. The endpoint and the page spin by lists of one."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings

import compliance.services
import live.services
import perfqueue.services
from accounts.models import User
from accounts.services import admitted
from compliance.errors import GateRefused
from compliance.services import GateRefusal, Standing
from core.batches import Batch, KeyedRequest, Later, Row, Statement
from core.errors import DomainError, Refused
from core.ids import new_id
from core.origin import Origin
from escrow import services as escrow
from escrow.errors import InsufficientBalance, WalletFrozen
from live.services import Event
from perfqueue.services import InstantItem
from slots import draw
from slots.gates import Decision, Limits, Session, SpinRequest, decide
from slots.sealing import fresh_seed
from slots.services import storage
from slots.services.storage import Loaded, NewSpin

FEATURE = "slots"
TITLE = "Slot machine spin"  # of the item in the player's own list of requests
BANK = escrow.Payee(house=escrow.House.SLOTS_BANK)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinInput:
    """What a player asks for.

    Without ``client_nonce`` one is drawn here; a ``client_seed`` is kept for the spins after it. ``performer_id`` names
    the room. ``commitment`` and ``paytable_digest``: what the player was shown.
    """

    bet: int
    commitment: bytes | None = None
    paytable_digest: bytes | None = None
    client_nonce: bytes | None = None
    client_seed: str | None = None
    performer_id: UUID | None = None


@dataclass(slots=True, kw_only=True)
class SpinResult:
    """A spin and the player's session. ``spins_left`` is None when the hourly limit is off.

    ``limits_left``: points of 24 hours, 7 and 30 days, None without a limit.
    """

    spin: NewSpin
    session: Session
    spins_left: int | None
    limits_left: tuple[int | None, ...]


@dataclass(slots=True)
class _Spun:
    """A decided spin with its origin, its item and what the ledger does for it."""

    decision: Decision
    spin: NewSpin
    origin: Origin
    item: InstantItem
    instant: escrow.Instant


def limits() -> Limits:
    """Return the spin limits in force, from the environment."""
    return Limits(
        min_interval=timedelta(milliseconds=settings.SLOTS_MIN_INTERVAL_MS),
        spins_per_hour=settings.SLOTS_SPINS_PER_HOUR,
        caps=tuple(cap or None for cap in settings.LIMIT_CAPS_POINT),
    )


class SpinBatch(Batch[SpinInput]):
    """One spin of each player: take the bet, draw, pay the award, reveal the seed and commit to the next.

    A player's second spin in a batch is left out (``Later``), and so is a first spin without a slot state, unless the
    batch waits.

    Refuses:
        RoleNotAllowed, NotFound (no such performer), GameDisabled, SelfExcluded, TimedOut, AgeVerificationRequired,
        AgeVerificationFailed, JurisdictionBlocked, TermsNotAccepted, PaytableChanged, CommitmentStale, InvalidBet,
        RealityCheckDue, SpinTooFast, HourlyLimitReached, SpendLimitReached, WalletUnknown, WalletFrozen,
        InsufficientBalance: commitment and nonce are unchanged.
    """

    operation: ClassVar[str] = "slots.spin"

    def __init__(self, requests: Sequence[KeyedRequest[SpinInput]], *, wait: bool) -> None:
        super().__init__(requests, wait=wait)
        self._limits = limits()
        self._spun: dict[UUID, _Spun] = {}

    def load(self) -> Sequence[Statement]:
        players = [(request.caller_id, request.input.performer_id, request.input.bet) for request in self.requests]
        return [
            storage.loading(players, self._limits, wait=self.wait),
            compliance.services.standing_of(
                [(request.caller_id, request.origin.region) for request in self.requests],
                currency=None,  # the limits of points are loaded with the slot state
            ),
        ]

    def take(self, found: Sequence[Sequence[Row]]) -> None:
        self._loaded = [Loaded._make(row) for row in found[0]]
        self._standings = compliance.services.standings(found[1])

    def admit(self, place: int) -> None:
        standing = self._standings[place]
        admitted(standing and standing.caller, self.requests[place].claims)

    def decide(self, place: int) -> SpinResult:
        request, loaded = self.requests[place], self._loaded[place]
        player = request.caller_id
        context = storage.context_of(loaded, player, self._loaded[0].canonical)
        wallet = storage.wallet_of(loaded, player)
        if context is None or player in self._spun or (wallet is None and not self.wait):
            raise Later
        standing = self._standings[place]
        if standing is None:
            raise AssertionError("nobody is admitted without an account")
        decision = decide(_asked(request, standing), context, self._limits)
        wallet = escrow.assert_payable(wallet, decision.request.bet, currency=escrow.Currency.POINT)
        spun = self._spun[player] = _spun_of(decision, wallet, request)
        return SpinResult(
            spin=spun.spin,
            session=decision.session,
            spins_left=decision.spins_left,
            limits_left=decision.limits_left,
        )

    def store(self) -> Sequence[Statement]:
        spun = list(self._spun.values())
        at = self._loaded[0].now
        items = [each.item for each in spun]
        emitted = [(event, each.item.request_id) for each in spun for event in _events(each)]
        return [
            *perfqueue.services.finish_instants(
                items, [each.instant for each in spun], feature=FEATURE, currency=escrow.Currency.POINT, at=at
            ),
            storage.storing([(each.spin, each.decision, each.origin) for each in spun]),
            live.services.emission(emitted),
        ]

    def record(self, refused: Sequence[tuple[int, Refused]]) -> Sequence[Statement]:
        rows = [
            GateRefusal(
                user_id=self.requests[place].caller_id,
                gate=gate,
                code=refusal.code,
                region=self.requests[place].origin.region,
                request_id=self.requests[place].request_id,
            )
            for place, refusal in refused
            if (gate := _gate_of(refusal))
        ]
        return [compliance.services.refusals(rows, feature=FEATURE)] if rows else []


def _asked(request: KeyedRequest[SpinInput], standing: Standing) -> SpinRequest:
    given = request.input
    return SpinRequest(
        standing=standing,
        spin_id=new_id(),
        bet=given.bet,
        commitment=given.commitment,
        paytable_digest=given.paytable_digest,
        client_nonce=given.client_nonce or secrets.token_bytes(draw.CLIENT_NONCE_BYTES),
        client_nonce_drawn=given.client_nonce is None,
        client_seed=given.client_seed,
        performer_id=given.performer_id,
        next_seed=fresh_seed(),
    )


def record_refusal(*, user: User, refusal: DomainError, region: str | None) -> None:
    """Record a gate's refusal of a spin, in its own transaction; other refusals leave no row. `region`: the request's.

    Called after the spin was rolled back. If it cannot be written, the refusal is answered all the same.
    """
    if gate := _gate_of(refusal):
        compliance.services.record_refusal(user_id=user.id, feature=FEATURE, refusal=refusal, region=region, gate=gate)


def _gate_of(refusal: DomainError) -> str:
    """The gate that refused, empty if none did."""
    if isinstance(refusal, GateRefused):
        return refusal.gate
    return "balance" if isinstance(refusal, InsufficientBalance | WalletFrozen) else ""


def _spun_of(decision: Decision, wallet: escrow.LockedWallet, asked: KeyedRequest[SpinInput]) -> _Spun:
    """Hold the bet, finish the item that settles it, and pay the award: nothing of it is stored yet."""
    request, award = decision.request, decision.drawn.payout
    source, player = str(request.spin_id), request.standing.caller.id
    hold = escrow.HoldRequest(
        hold_id=new_id(),
        key=f"spin-{source}",
        payer_id=player,
        payee=BANK,
        currency=escrow.Currency.POINT,
        amount=request.bet,
        feature=FEATURE,
        source_event_id=source,
        actor_id=player,
    )
    item = InstantItem(
        id=new_id(),
        user_id=player,
        performer_id=request.performer_id,
        hold_id=hold.hold_id,
        tokens=request.bet,
        award=award,
        key=source,
        title=TITLE,
        request_id=asked.request_id,
    )
    instant = escrow.Instant(wallet=wallet, hold=hold, item_id=item.id, award=award, request_id=asked.request_id)
    return _Spun(decision, _spin(decision, instant), asked.origin, item, instant)


def _spin(decision: Decision, instant: escrow.Instant) -> NewSpin:
    request, context, drawn = decision.request, decision.context, decision.drawn
    return NewSpin(
        id=request.spin_id,
        user_id=request.standing.caller.id,
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
        hold_id=instant.hold.hold_id,
        item_id=instant.item_id,
        balance_before=instant.wallet.available,
        balance_after=instant.available_after,
        staked_total=context.staked_total + request.bet,
        paid_total=context.paid_total + drawn.payout,
    )


def _events(spun: _Spun) -> list[Event]:
    """The events of the item, and that of the spin for the player's other windows; it has no other recipient."""
    spin = spun.spin
    drawn = Event(
        key="slots.spin",
        recipient_id=spin.user_id,
        variables={
            "spinId": spun.item.key,
            "nonce": spin.nonce,
            "symbols": spin.symbols,
            "bet": spin.bet,
            "payout": spin.payout,
        },
    )
    return [*perfqueue.services.events_of(spun.item), drawn]
