"""Spins that RedRoomRewards pays, last part: what became of the deduct decides what becomes of the spin."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from core.batches import Batch, KeyedRequest, Later, Row, Statement
from core.db import array
from core.errors import Refused
from escrow import services as escrow
from loyalty import services as loyalty
from loyalty.errors import LoyaltyUnavailable
from slots.decimals import multiplier_of
from slots.errors import CommitmentStale
from slots.gates import DrawRequest, drawn_of
from slots.models import IntentState
from slots.sealing import fresh_seed
from slots.services import storage
from slots.services.closing import Closing, closing_intents
from slots.services.gating import limits, refusals_of
from slots.services.intents import RETRY_AFTER_S, OpenIntent
from slots.services.spinning import SpinResult, result_of
from slots.services.spun import Spun, spun_of, storing
from slots.services.storage import Loaded

_INTENTS = """
SELECT i.id, i.state, i.bet, i.performer_id, i.client_nonce, i.client_nonce_drawn, i.client_seed, i.paytable_id,
       CASE WHEN row_number() OVER (PARTITION BY i.paytable_id ORDER BY i.id) = 1 THEN p.canonical END,
       i.commitment, i.nonce
  FROM slots_spinintent i JOIN slots_paytable p ON p.id = i.paytable_id
 WHERE i.id = ANY (%(ids)s::uuid[]) ORDER BY i.id
"""


@dataclass(frozen=True, slots=True)
class Deducted:
    """The bet was taken; `new_balance`: the player's points after it."""

    new_balance: int


@dataclass(frozen=True, slots=True)
class NotDeducted:
    """Nothing was taken, for `refusal`; `error`: RedRoomRewards' own word."""

    refusal: Refused
    error: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows whether the bet was taken; `fault`: a code or a class's name."""

    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """An intent and what became of its deduct. `render`: makes the answer of a spin."""

    intent: OpenIntent
    deduct: Deducted | NotDeducted | Unanswered
    render: Callable[[SpinResult], Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """A spin and how its request wants it answered."""

    result: SpinResult
    render: Callable[[SpinResult], Any]

    @property
    def answer(self) -> Any:
        return self.render(self.result)


class _Kept(NamedTuple):
    """An intent as it is stored; the paytable's text with the first of each."""

    id: UUID
    state: str
    bet: int
    performer_id: UUID | None
    client_nonce: bytes
    client_nonce_drawn: bool
    client_seed: str | None
    paytable_id: UUID
    canonical: str | None
    commitment: bytes
    nonce: int


class SettleBatch(Batch[Settlement]):
    """The last part of each player's spin: where the bet was taken, draw and store it, and queue the award.

    Checks again only that the intent is open, that it knows the next spin's commitment, and that the wallet may move;
    where one is not so, what was taken is given back. The gates have passed. ``record`` closes what does not become a
    spin, so the outcome must be run with it (`core.batches.run_recorded`).

    Refuses:
        what the deduct was refused for; LoyaltyUnavailable (its outcome is unknown: the intent stays open; or somebody
        else has closed the intent); CommitmentStale, WalletUnknown, WalletFrozen: the bet is given back.
    """

    operation: ClassVar[str] = "slots.spin"

    def __init__(self, requests: Sequence[KeyedRequest[Settlement]], *, wait: bool) -> None:
        super().__init__(requests, wait=wait)
        self._limits = limits()
        self._spun: dict[UUID, Spun] = {}
        self._confirmed: list[loyalty.ClosedDeduct] = []
        self._closing = Closing()
        self._seen: set[UUID] = set()

    def load(self) -> Sequence[Statement]:
        intents = [request.input.intent for request in self.requests]
        players = [(intent.user_id, None, intent.bet) for intent in intents]
        ids = array([intent.spin_id for intent in intents])
        return [storage.loading(players, self._limits, wait=self.wait), Statement(_INTENTS, {"ids": ids})]

    def take(self, found: Sequence[Sequence[Row]]) -> None:
        self._loaded = [Loaded._make(row) for row in found[0]]
        kept = [_Kept._make(row) for row in found[1]]
        self._kept = {each.id: each for each in kept}
        self._canonical = {each.paytable_id: each.canonical for each in kept if each.canonical is not None}

    def admit(self, place: int) -> None:
        """The intent's batch has admitted the caller."""

    def decide(self, place: int) -> Settled:
        request, loaded = self.requests[place], self._loaded[place]
        intent, deduct = request.input.intent, request.input.deduct
        if loaded.nonce is None or intent.user_id in self._seen:
            raise Later
        kept = self._kept[intent.spin_id]
        wallet = storage.wallet_of(loaded, intent.user_id)
        if wallet is None and not self.wait:
            raise Later
        self._seen.add(intent.user_id)
        if kept.state != IntentState.OPEN:
            raise self._too_late(kept, intent, deduct)
        if isinstance(deduct, NotDeducted):
            self._closing.refuse(intent.spin_id, deduct.error)
            raise deduct.refusal
        if isinstance(deduct, Unanswered):
            self._closing.unknown.append((intent.spin_id, deduct.fault))
            raise LoyaltyUnavailable(retry_after_s=RETRY_AFTER_S)
        try:
            return self._spin(place, kept, wallet, deduct)
        except Refused as refusal:
            self._closing.compensate(intent.deduct, refusal.code)
            raise

    def _too_late(self, kept: _Kept, intent: OpenIntent, deduct: Deducted | NotDeducted | Unanswered) -> Refused:
        """Somebody else has closed the intent: what was taken all the same is given back, once."""
        if isinstance(deduct, Deducted) and kept.state != IntentState.DONE:
            self._closing.refunds.append(intent.deduct)
        return deduct.refusal if isinstance(deduct, NotDeducted) else LoyaltyUnavailable(retry_after_s=RETRY_AFTER_S)

    def _spin(self, place: int, kept: _Kept, wallet: escrow.LockedWallet | None, deduct: Deducted) -> Settled:
        request, intent = self.requests[place], self.requests[place].input.intent
        loaded = self._loaded[place]._replace(paytable_id=kept.paytable_id)
        context = storage.context_of(loaded, intent.user_id, self._canonical[kept.paytable_id])
        if context is None:
            raise AssertionError("its slot state is locked")
        if (context.nonce, context.commitment) != (kept.nonce, bytes(kept.commitment)):
            raise CommitmentStale(commitment=context.commitment.hex(), nonce=context.nonce)
        wallet = escrow.assert_payable(wallet, 0, currency=escrow.Currency.POINT)
        decision = drawn_of(_asked(kept), context, self._limits)
        spun = spun_of(decision, wallet, request, balance=deduct.new_balance + kept.bet)
        self._spun[intent.spin_id] = spun
        self._confirmed.append(
            loyalty.ClosedDeduct(
                spin_id=intent.spin_id, state=loyalty.OperationState.CONFIRMED, new_balance=deduct.new_balance
            )
        )
        return Settled(result_of(spun.spin, decision, pending_credit=spun.spin.is_win), request.input.render)

    def store(self) -> Sequence[Statement]:
        at = self._loaded[0].now
        done = [(spin_id, IntentState.DONE) for spin_id in self._spun]
        credits = [_credit(each) for each in self._spun.values() if each.spin.is_win]
        return [
            *storing(list(self._spun.values()), at=at, clearing=escrow.House.LOYALTY_CLEARING),
            closing_intents(done, at=at),
            loyalty.closing_deducts(self._confirmed),
            *([loyalty.queue_credits(credits)] if credits else []),
        ]

    def record(self, refused: Sequence[tuple[int, Refused]]) -> Sequence[Statement]:
        recorded = refusals_of([(self.requests[place], refusal) for place, refusal in refused])
        return [*self._closing.statements(at=self._loaded[0].now), *recorded]


def _asked(kept: _Kept) -> DrawRequest:
    """What the intent's request asked for; the seed of the spin after it is drawn now."""
    return DrawRequest(
        spin_id=kept.id,
        bet=kept.bet,
        client_nonce=bytes(kept.client_nonce),
        client_nonce_drawn=kept.client_nonce_drawn,
        client_seed=kept.client_seed,
        performer_id=kept.performer_id,
        next_seed=fresh_seed(),
    )


def _credit(spun: Spun) -> loyalty.SpinCredit:
    spin = spun.spin
    return loyalty.SpinCredit(
        spin_id=spin.id,
        user_id=spin.user_id,
        amount=spin.payout,
        symbols=spin.symbols,
        multiplier=multiplier_of(spin.payout, spin.bet),
        request_id=spun.item.request_id,
    )
