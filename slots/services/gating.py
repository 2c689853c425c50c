"""What a player asks for, and the part that all batches of spins have before the draw: locks, reads, gates."""

import secrets
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, TypeVar
from uuid import UUID

from django.conf import settings

import compliance.services
from accounts.models import User
from accounts.services import admitted
from compliance.services import GateRefusal
from core.batches import Batch, KeyedRequest, Row, Statement
from core.errors import DomainError, Refused
from core.ids import new_id
from escrow import services as escrow
from escrow.errors import InsufficientBalance, WalletFrozen
from loyalty.services import is_remote
from slots import draw
from slots.gates import Limits, SpinContext, SpinRequest
from slots.sealing import fresh_seed
from slots.services import storage
from slots.services.storage import Loaded

FEATURE = "slots"
Input = TypeVar("Input")


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


def limits() -> Limits:
    """Return the spin limits in force, from the environment."""
    return Limits(
        min_interval=timedelta(milliseconds=settings.SLOTS_MIN_INTERVAL_MS),
        spins_per_hour=settings.SLOTS_SPINS_PER_HOUR,
        caps=tuple(cap or None for cap in settings.LIMIT_CAPS_POINT),
    )


class GatedBatch(Batch[Input]):
    """Requests for spins that have not passed the gates: locks slot states and wallets, and reads what the gates check.

    A player's second request in a batch is left out (``Later``), and so is one without a slot state, unless the batch
    waits.
    """

    operation: ClassVar[str] = "slots.spin"

    def __init__(self, requests: Sequence[KeyedRequest[Input]], *, wait: bool) -> None:
        super().__init__(requests, wait=wait)
        self.limits = limits()

    @abstractmethod
    def given(self, request: KeyedRequest[Input]) -> SpinInput:
        """Return what the player asks for."""

    def load(self) -> Sequence[Statement]:
        given = [(request.caller_id, self.given(request)) for request in self.requests]
        players = [(user_id, each.performer_id, each.bet) for user_id, each in given]
        return [
            storage.loading(players, self.limits, wait=self.wait),
            compliance.services.standing_of(
                [(request.caller_id, request.origin.region) for request in self.requests],
                currency=None,  # the limits of points are loaded with the slot state
            ),
        ]

    def take(self, found: Sequence[Sequence[Row]]) -> None:
        self.loaded = [Loaded._make(row) for row in found[0]]
        self._standings = compliance.services.standings(found[1])

    def admit(self, place: int) -> None:
        standing = self._standings[place]
        admitted(standing and standing.caller, self.requests[place].claims)

    def found(self, place: int) -> tuple[SpinContext | None, escrow.LockedWallet | None]:
        """Return a player's context and wallet; None for what is missing, or locked by somebody else."""
        loaded, player = self.loaded[place], self.requests[place].caller_id
        context = storage.context_of(loaded, player, self.loaded[0].canonical)
        return context, storage.wallet_of(loaded, player)

    def asked(self, place: int) -> SpinRequest:
        """Return what a player asks for with the player's standing; draws the player's part if it is not given."""
        standing, given = self._standings[place], self.given(self.requests[place])
        if standing is None:
            raise AssertionError("nobody is admitted without an account")
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

    def record(self, refused: Sequence[tuple[int, Refused]]) -> Sequence[Statement]:
        return refusals_of([(self.requests[place], refusal) for place, refusal in refused])


def refusals_of(refused: Sequence[tuple[KeyedRequest[Input], Refused]]) -> list[Statement]:
    """Return the statement that records what gates have refused; none if none did."""
    rows = [
        GateRefusal(
            user_id=request.caller_id,
            gate=gate,
            code=refusal.code,
            region=request.origin.region,
            request_id=request.request_id,
        )
        for request, refusal in refused
        if (gate := _gate_of(refusal))
    ]
    return [compliance.services.refusals(rows, feature=FEATURE)] if rows else []


def record_refusal(*, user: User, refusal: DomainError, region: str | None) -> None:
    """Record a gate's refusal of a spin, in its own transaction; other refusals leave no row. `region`: the request's.

    Called after the spin was rolled back. If it cannot be written, the refusal is answered all the same. Where
    RedRoomRewards pays, the spin's batches have recorded it.
    """
    if (gate := _gate_of(refusal)) and not is_remote():
        compliance.services.record_refusal(user_id=user.id, feature=FEATURE, refusal=refusal, region=region, gate=gate)


def _gate_of(refusal: DomainError) -> str:
    """The gate that refused, empty if none did."""
    if isinstance(refusal, InsufficientBalance | WalletFrozen):
        return "balance"
    return getattr(refusal, "gate", "")
