"""Spins by lists, paid by the ledger's own points: load, decide, store. Endpoint and page spin by lists of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.batches import KeyedRequest, Later, Statement
from escrow import services as escrow
from slots.draw import Table
from slots.gates import Decision, Session, decide
from slots.services.counting import kind_hit
from slots.services.gating import GatedBatch, SpinInput
from slots.services.spun import Spun, spun_of, storing
from slots.services.storage import NewSpin


@dataclass(slots=True, kw_only=True)
class SpinResult:
    """A spin and the player's session. ``spins_left`` is None when the hourly limit is off.

    ``limits_left``: points of 24 hours, 7 and 30 days, None without a limit. ``table``: what it was played with.
    ``pending_credit``: the award is not paid yet.
    """

    spin: NewSpin
    session: Session
    spins_left: int | None
    limits_left: tuple[int | None, ...]
    table: Table
    pending_credit: bool = False

    @property
    def kind(self) -> str:
        """The kind of award that the spin won, empty if it won none: without a statement, from any thread."""
        return kind_hit(self.table, self.spin.symbols) if self.spin.is_win else ""


def result_of(spin: NewSpin, decision: Decision, *, pending_credit: bool = False) -> SpinResult:
    """Return what is answered for a decided spin."""
    return SpinResult(
        spin=spin,
        session=decision.session,
        spins_left=decision.spins_left,
        limits_left=decision.limits_left,
        table=decision.table,
        pending_credit=pending_credit,
    )


class SpinBatch(GatedBatch[SpinInput]):
    """One spin of each player: take the bet, draw, pay the award, reveal the seed and commit to the next.

    Refuses:
        RoleNotAllowed, NotFound (no such performer), GameDisabled, SelfExcluded, TimedOut, AgeVerificationRequired,
        AgeVerificationFailed, JurisdictionBlocked, TermsNotAccepted, PaytableChanged, CommitmentStale, InvalidBet,
        RealityCheckDue, SpinTooFast, HourlyLimitReached, SpendLimitReached, WalletUnknown, WalletFrozen,
        InsufficientBalance: commitment and nonce are unchanged.
    """

    def __init__(self, requests: Sequence[KeyedRequest[SpinInput]], *, wait: bool) -> None:
        super().__init__(requests, wait=wait)
        self._spun: dict[UUID, Spun] = {}

    def given(self, request: KeyedRequest[SpinInput]) -> SpinInput:
        return request.input

    def decide(self, place: int) -> SpinResult:
        request = self.requests[place]
        player = request.caller_id
        context, wallet = self.found(place)
        if context is None or player in self._spun or (wallet is None and not self.wait):
            raise Later
        decision = decide(self.asked(place), context, self.limits)
        wallet = escrow.assert_payable(wallet, decision.request.bet, currency=escrow.Currency.POINT)
        spun = self._spun[player] = spun_of(decision, wallet, request)
        return result_of(spun.spin, decision)

    def store(self) -> Sequence[Statement]:
        return storing(list(self._spun.values()), at=self.loaded[0].now)
