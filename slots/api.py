"""The machine's endpoints under /slot-machine/. Each parses, calls one service, renders."""

from fractions import Fraction
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.models import Role, User
from core.api import Body, Endpoint
from core.errors import Refused
from core.fields import Amount, Digits, Params, StrictUUID
from slots import draw, services, shapes
from slots.decimals import decimal_text
from slots.fields import ClientSeed, HexBytes
from slots.models import Spin as SpinRow

FARTHEST = 10**12


def caller(request: Request) -> User:
    """Whoever came through the endpoint: signed in, or the endpoint had not opened."""
    return cast(User, request.user)


def hexed(value: Any) -> str:
    return bytes(value).hex()


def outcome(spin: SpinRow) -> dict[str, Any]:
    """What the reels showed and what it paid; ``multiplier`` is an exact decimal."""
    return {
        "symbols": spin.symbols,
        "isWin": spin.payout > 0,
        "payout": spin.payout,
        "multiplier": decimal_text(Fraction(spin.payout, spin.bet)),
    }


def proof(spin: SpinRow) -> dict[str, Any]:
    """Everything that re-computes the draw, and the commitment of the next one."""
    return {
        "seed": hexed(spin.seed),
        "commitment": draw.commitment(bytes(spin.seed)).hex(),
        "clientSeed": spin.client_seed,
        "clientNonce": hexed(spin.client_nonce),
        "nextCommitment": hexed(spin.next_commitment),
        "nextNonce": spin.nonce + 1,
        "paytableDigest": hexed(spin.paytable_digest),
    }


def spin_out(spin: SpinRow) -> dict[str, Any]:
    """A spin with its proof, as it stays."""
    return {
        "spinId": spin.id,
        "nonce": spin.nonce,
        "timestamp": spin.at,
        "betAmount": spin.bet,
        "result": outcome(spin),
        "previousBalance": spin.balance_before,
        "newBalance": spin.balance_after,
        "fairness": proof(spin),
    }


def spin_result_out(result: services.SpinResult) -> dict[str, Any]:
    """The answer to a spin: the spin, the session it belongs to, and what is left to play."""
    elapsed = result.spin.at - result.session.started_at
    return {
        **spin_out(result.spin),
        "session": {
            "netPoints": result.session.net_points,
            "elapsedSeconds": int(elapsed.total_seconds()),
            "spinsLeft": result.spins_left,
            "limitsLeft": {},
        },
        "pendingCredit": False,
    }


def history_row(spin: SpinRow) -> dict[str, Any]:
    return {
        "spinId": spin.id,
        "nonce": spin.nonce,
        "timestamp": spin.at,
        "betAmount": spin.bet,
        "symbols": spin.symbols,
        "isWin": spin.payout > 0,
        "payout": spin.payout,
    }


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
            return self.once(work=self._spin, render=spin_result_out)
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
        offset = Digits(required=False, default=0, min_value=0, max_value=FARTHEST)

    def get(self, request: Request) -> HttpResponse:
        found = services.history(user=caller(request), **self.query)
        return self.ok({"spins": [history_row(spin) for spin in found.spins], "total": found.total, **self.query})


class Config(Endpoint):
    """GET /slot-machine/config. 200: the paytable in play with its exact return and odds; 503 GAME_DISABLED."""

    roles = (Role.USER,)
    Output = shapes.ConfigOut

    def get(self, request: Request) -> HttpResponse:
        config = services.config()
        return self.ok(
            {
                "enabled": config.enabled,
                "betAmount": config.unit,
                "paytable": config.table,
                "paytableDigest": hexed(config.digest),
                "rtp": str(config.par.rtp),
                "rtpPercent": decimal_text(config.par.rtp * 100),
                "odds": [
                    {"kind": row.kind, "pay": row.pay, "tickets": row.tickets, "of": config.par.tickets}
                    for row in config.par.odds
                ],
            }
        )


class RateLimit(Endpoint):
    """GET /slot-machine/rate-limit. 200; `limit` and `remaining` are null when the hourly limit is off."""

    roles = (Role.USER,)
    Output = shapes.RateLimitOut

    def get(self, request: Request) -> HttpResponse:
        use = services.hourly_use(user=caller(request))
        return self.ok({"limit": use.limit, "used": use.used, "remaining": use.remaining, "resetsAt": use.resets_at})


class Fairness(Endpoint):
    """GET /slot-machine/fairness. 200: what the next spin is committed to; 503 GAME_DISABLED."""

    roles = (Role.USER,)
    Output = shapes.FairnessOut

    def get(self, request: Request) -> HttpResponse:
        fairness = services.fairness(user=caller(request))
        return self.ok(
            {
                "commitment": hexed(fairness.commitment),
                "nonce": fairness.nonce,
                "paytableDigest": hexed(fairness.paytable_digest),
                "clientSeed": fairness.client_seed,
            }
        )


class OwnSpin(Endpoint):
    """GET /slot-machine/spins/{id}. 200, the spin with its proof; 404 for what is not the caller's own.

    `clientNonceFrom` says who drew the nonce: with "server" the proof rests on the server's word.
    """

    roles = (Role.USER,)
    Output = shapes.OwnSpinOut

    def get(self, request: Request, spin_id: UUID) -> HttpResponse:
        spin = services.spin_of(user=caller(request), spin_id=spin_id)
        return self.ok({**spin_out(spin), "clientNonceFrom": "server" if spin.client_nonce_drawn else "client"})
