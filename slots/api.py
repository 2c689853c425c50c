"""The slot machine's endpoints, under /slot-machine/."""

from typing import NamedTuple
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role
from core.api import Endpoint
from core.errors import Refused
from core.fields import MAX_PAGE_ROWS, PAGE_ROWS, Amount, Body, Digits, Params, StrictUUID
from slots import draw, services, shapes
from slots.fields import ClientSeed, HexBytes
from slots.models import Spin as SpinRow

MAX_OFFSET_SPINS = 10**12


class OwnedSpin(NamedTuple):
    """A spin that is shown to its player."""

    spin: SpinRow


class Spin(Endpoint):
    """POST /slot-machine/spin. 200; 404 (performer); 403 ROLE_NOT_ALLOWED, AGE_VERIFICATION_REQUIRED,
    TERMS_NOT_ACCEPTED, WALLET_FROZEN; 409 PAYTABLE_CHANGED, COMMITMENT_STALE; 422 INVALID_BET; 429 SPIN_TOO_FAST,
    RATE_LIMIT_EXCEEDED; 402 INSUFFICIENT_BALANCE; 503 GAME_DISABLED.

    Without `clientNonce` the server draws one: the player then has to trust the server that it was drawn blindly.
    The service checks the role, so that its refusal is recorded like any other gate's.
    """

    operation = "slots.spin"
    Output = shapes.SpinOut

    class Input(Body):
        betAmount = Amount(source="bet")
        commitment = HexBytes(length_bytes=32, required=False)
        paytableDigest = HexBytes(source="paytable_digest", length_bytes=32, required=False)
        clientNonce = HexBytes(source="client_nonce", length_bytes=draw.CLIENT_NONCE_BYTES, required=False)
        clientSeed = ClientSeed(source="client_seed", required=False)
        performerId = StrictUUID(source="performer_id", required=False)

    def post(self, request: Request) -> HttpResponse:
        try:
            return self.once(work=lambda: services.spin(user=self.actor, **self.data))
        except Refused as refusal:
            services.record_refusal(user=self.actor, refusal=refusal)
            raise


class History(Endpoint):
    """GET /slot-machine/history. 200, newest first; the same cost at any offset."""

    roles = (Role.USER,)
    Output = shapes.HistoryOut

    class Query(Params):
        limit = Digits(required=False, default=PAGE_ROWS, min_value=1, max_value=MAX_PAGE_ROWS)
        offset = Digits(required=False, default=0, min_value=0, max_value=MAX_OFFSET_SPINS)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.history(user=self.actor, **self.query))


class Config(Endpoint):
    """GET /slot-machine/config. 200: the paytable in play with its exact return and odds; 503 GAME_DISABLED."""

    roles = (Role.USER,)
    Output = shapes.ConfigOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.config())


class RateLimit(Endpoint):
    """GET /slot-machine/rate-limit. 200; `limit` and `remaining` are null when the hourly limit is off."""

    roles = (Role.USER,)
    Output = shapes.RateLimitOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.hourly_use(user=self.actor))


class Fairness(Endpoint):
    """GET /slot-machine/fairness. 200: what the next spin is committed to; 503 GAME_DISABLED."""

    roles = (Role.USER,)
    Output = shapes.FairnessOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.fairness(user=self.actor))


class OwnSpin(Endpoint):
    """GET /slot-machine/spins/{id}. 200, the spin with its proof; 404 for what is not the caller's own.

    `clientNonceFrom` says who drew the nonce: with "server" the player trusts the server.
    """

    roles = (Role.USER,)
    Output = shapes.OwnSpinOut

    def get(self, request: Request, spin_id: UUID) -> HttpResponse:
        return self.answer(OwnedSpin(services.spin_of(user=self.actor, spin_id=spin_id)))
