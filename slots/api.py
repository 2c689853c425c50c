"""The slot machine's endpoints, under /slot-machine/."""

from typing import NamedTuple, cast
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role, User
from core.api import Endpoint
from core.errors import Refused
from core.fields import Amount, Body, Digits, Params, StrictUUID
from slots import draw, services, shapes
from slots.fields import ClientSeed, HexBytes
from slots.models import Spin as SpinRow

MAX_OFFSET_SPINS = 10**12


def caller(request: Request) -> User:
    """The signed-in user: no endpoint here is public."""
    return cast(User, request.user)


class OwnedSpin(NamedTuple):
    """A spin that is shown to its player."""

    spin: SpinRow


class Spin(Endpoint):
    """POST /slot-machine/spin. 200; 404 (performer); 403 ROLE_NOT_ALLOWED, AGE_VERIFICATION_REQUIRED,
    TERMS_NOT_ACCEPTED, WALLET_FROZEN; 409 PAYTABLE_CHANGED, COMMITMENT_STALE; 422 INVALID_BET; 429 SPIN_TOO_FAST,
    RATE_LIMIT_EXCEEDED; 402 INSUFFICIENT_BALANCE; 503 GAME_DISABLED.

    Without `clientNonce` the server draws one: the proof then rests on the server's word that it was drawn blindly.
    The role is a gate of the service here, so that its refusal is recorded like any other gate's.
    """

    operation = "slots.spin"
    Output = shapes.SpinOut

    class Input(Body):
        betAmount = Amount()
        commitment = HexBytes(length_bytes=32, required=False)
        paytableDigest = HexBytes(length_bytes=32, required=False)
        clientNonce = HexBytes(length_bytes=draw.CLIENT_NONCE_BYTES, required=False)
        clientSeed = ClientSeed(required=False)
        performerId = StrictUUID(required=False)

    def post(self, request: Request) -> HttpResponse:
        try:
            return self.once(work=self._spin)
        except Refused as refusal:
            services.record_refusal(user=caller(request), refusal=refusal)
            raise

    def _spin(self) -> services.SpinResult:
        return services.spin(
            user=caller(self.request),
            bet=self.data["betAmount"],
            commitment=self._bytes("commitment"),
            paytable_digest=self._bytes("paytableDigest"),
            client_nonce=self._bytes("clientNonce"),
            client_seed=self.data.get("clientSeed"),
            performer_id=self.data.get("performerId"),
        )

    def _bytes(self, name: str) -> bytes | None:
        given = self.data.get(name)
        return None if given is None else bytes.fromhex(given)


class History(Endpoint):
    """GET /slot-machine/history. 200, newest first; the same cost at any offset."""

    roles = (Role.USER,)
    Output = shapes.HistoryOut

    class Query(Params):
        limit = Digits(required=False, default=20, min_value=1, max_value=100)
        offset = Digits(required=False, default=0, min_value=0, max_value=MAX_OFFSET_SPINS)

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.history(user=caller(request), **self.query))


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
        return self.answer(services.hourly_use(user=caller(request)))


class Fairness(Endpoint):
    """GET /slot-machine/fairness. 200: what the next spin is committed to; 503 GAME_DISABLED."""

    roles = (Role.USER,)
    Output = shapes.FairnessOut

    def get(self, request: Request) -> HttpResponse:
        return self.answer(services.fairness(user=caller(request)))


class OwnSpin(Endpoint):
    """GET /slot-machine/spins/{id}. 200, the spin with its proof; 404 for what is not the caller's own.

    `clientNonceFrom` says who drew the nonce: with "server" the proof rests on the server's word.
    """

    roles = (Role.USER,)
    Output = shapes.OwnSpinOut

    def get(self, request: Request, spin_id: UUID) -> HttpResponse:
        return self.answer(OwnedSpin(services.spin_of(user=caller(request), spin_id=spin_id)))
