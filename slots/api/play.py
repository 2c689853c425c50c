"""The slot machine's endpoints, under /slot-machine/."""

from typing import NamedTuple
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role
from compliance.errors import GAME_GATES, GameDisabled, RealityCheckDue, RoleNotAllowed
from core.api import Endpoint
from core.errors import NotFound, Refused
from core.fields import MAX_PAGE_ROWS, PAGE_ROWS, Amount, Body, Digits, Params, StrictUUID
from core.origin import origin_of
from escrow.errors import InsufficientBalance, WalletFrozen
from loyalty.errors import LoyaltyUnavailable, NotLinked
from slots import draw, errors, services, shapes
from slots.batched import SPIN
from slots.fields import ClientSeed, HexBytes
from slots.models import Spin as SpinRow

MAX_OFFSET_SPINS = 10**12


class OwnedSpin(NamedTuple):
    """A spin that is shown to its player."""

    spin: SpinRow


class Spin(Endpoint):
    """Spin the slot machine.

    Without `clientNonce` the server draws one: the player then has to trust the server that it was drawn blindly.
    """

    operation = SPIN.operation
    Output = shapes.SpinOut
    refuses = (
        NotFound,
        RoleNotAllowed,
        InsufficientBalance,
        WalletFrozen,
        GameDisabled,
        *GAME_GATES,
        errors.PaytableChanged,
        errors.CommitmentStale,
        errors.InvalidBet,
        RealityCheckDue,
        errors.SpinTooFast,
        errors.HourlyLimitReached,
        NotLinked,
        LoyaltyUnavailable,
    )

    class Input(Body):
        betAmount = Amount(source="bet")
        commitment = HexBytes(length_bytes=32, required=False)
        paytableDigest = HexBytes(source="paytable_digest", length_bytes=32, required=False)
        clientNonce = HexBytes(source="client_nonce", length_bytes=draw.CLIENT_NONCE_BYTES, required=False)
        clientSeed = ClientSeed(source="client_seed", required=False)
        performerId = StrictUUID(source="performer_id", required=False)

    def post(self, request: Request) -> HttpResponse:
        try:
            return self.run(SPIN, services.SpinInput(**self.data))
        except Refused as refusal:
            services.record_refusal(user=self.actor, refusal=refusal, region=origin_of(self.request._request).region)
            raise


class History(Endpoint):
    """List one's own spins, newest first.

    Costs the same at any offset.
    """

    roles = (Role.USER,)
    Output = shapes.HistoryOut

    class Query(Params):
        limit = Digits(required=False, default=PAGE_ROWS, min_value=1, max_value=MAX_PAGE_ROWS)
        offset = Digits(required=False, default=0, min_value=0, max_value=MAX_OFFSET_SPINS)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.history(user=self.actor, **self.query))


class Config(Endpoint):
    """Show the paytable in play, with its exact return and odds."""

    roles = (Role.USER,)
    Output = shapes.ConfigOut
    refuses = (GameDisabled,)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.config())


class RateLimit(Endpoint):
    """Show how many spins are left this hour.

    `limit` and `remaining` are null when the hourly limit is off.
    """

    roles = (Role.USER,)
    Output = shapes.RateLimitOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.hourly_use(user=self.actor))


class Fairness(Endpoint):
    """Show what the next spin is committed to."""

    roles = (Role.USER,)
    Output = shapes.FairnessOut
    refuses = (GameDisabled,)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.fairness(user=self.actor))


class OwnSpin(Endpoint):
    """Show one of one's own spins with its proof.

    `clientNonceFrom` says who drew the nonce: with "server" the player trusts the server.
    """

    roles = (Role.USER,)
    Output = shapes.OwnSpinOut
    refuses = (errors.SpinArchived,)

    def get(self, request: Request, spin_id: UUID) -> HttpResponse:
        return self.answer(OwnedSpin(services.spin_of(user=self.actor, spin_id=spin_id)))
