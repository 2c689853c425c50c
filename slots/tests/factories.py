"""Players and spins through the endpoint, with a client nonce chosen for the payout."""

import asyncio
import json
from collections.abc import Callable
from fractions import Fraction
from itertools import count
from typing import Any

from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts.models import Role, User
from core.batches import Command, KeyedRequest, run_alone
from core.ids import new_id
from core.pipelines import Pipeline
from escrow.services import Currency
from slots import services
from slots.batched import SPINS
from slots.draw import draw, parse
from slots.models import Paytable, SlotState
from slots.par import par_sheet
from slots.sealing import unseal
from slots.services.paytables import FILES, active_paytable, table_of
from tests.world import ORIGIN, available, person

VERSIONS = count(2)
SPIN = "/api/v1/slot-machine/spin"


def table(code: str = "classic-95-low", **changes: Any) -> dict[str, Any]:
    """The rules of a shipped paytable, of a version that is not stored yet. A change to None leaves a member out."""
    file = json.loads((FILES / f"{code}.json").read_text())
    rules = file["table"] | {"version": next(VERSIONS)} | changes
    return {name: value for name, value in rules.items() if value is not None}


def approved_paytable(**changes: Any) -> Paytable:
    """A paytable that a second person approved; it returns 19/20 unless changed."""
    drafted = services.draft(
        table=parse(table(**changes)), declared_rtp=Fraction(19, 20), actor=person(role=Role.GAMES)
    )
    return services.approve(paytable_id=drafted.pk, reason="", actor=person(role=Role.ADMIN))


def stored_paytable(**changes: Any) -> Paytable:
    """Rules that spins may name; nobody approved them."""
    rules = parse(table(**changes))
    stored = {"canonical": rules.canonical.decode(), "digest": rules.digest, "declared_rtp": str(par_sheet(rules).rtp)}
    return Paytable.objects.create(code=rules.code, version=rules.version, **stored)


def state_after(user: User, spins: int) -> SlotState:
    """A slot state for spins that were written past the machine."""
    return SlotState.objects.create(
        user=user, nonce=spins, commitment=bytes(32), sealed_seed=bytes(60), chain=bytes(32)
    )


def player(*, points: int = 100_000) -> User:
    return person(points=points)


def asked(
    user: User, *, key: str = "", claims: Any = None, request_id: str = "", bet: int = 100, **given: Any
) -> KeyedRequest[services.SpinInput]:
    """A request for a spin, with a new key unless given."""
    return KeyedRequest(
        caller_id=user.pk,
        claims=claims,
        key=key or str(new_id()),
        fingerprint=f"{bet} {sorted(given.items())}".encode()[:32].ljust(32, b"\0"),
        request_id=request_id,
        origin=ORIGIN,
        input=services.SpinInput(bet=bet, **given),
    )


def play(*, user: User, bet: int = 100, **given: Any) -> services.SpinResult:
    """Spin once, as the endpoint does: a command of its own, with a new key."""
    done: list[services.SpinResult] = []
    run_alone(Command(batch=services.SpinBatch, render=done.append), asked(user, bet=bet, **given))
    return done[-1]


def together(*requests: KeyedRequest[services.SpinInput]) -> list[Any]:
    """Run requests in one batch on a connection of its own; return the outcome of each."""

    async def run() -> list[Any]:
        pipeline = Pipeline(_nothing, _nothing)
        try:
            return list((await pipeline.run(SPINS.command, requests)).outcomes)
        finally:
            await pipeline.close()

    return asyncio.run(run())


def _nothing() -> None:
    return


def points_of(user: User) -> int:
    return available(user, Currency.POINT)


def post_spin(client: APIClient, *, key: str | None = None, **body: Any) -> HttpResponse:
    return client.post(
        SPIN, {"betAmount": 100, **body}, format="json", headers={"Idempotency-Key": key or f"spin-{new_id()}"}
    )


def nonce_for(user: User, wanted: Callable[[int], bool]) -> bytes:
    """Find a client nonce with which this user's next spin pays as wanted. Only who holds the seed can."""
    services.fairness(user=user)
    state = SlotState.objects.get(user_id=user.id)
    seed = unseal(bytes(state.sealed_seed), user_id=user.id, nonce=state.nonce, key_id=state.seed_key)
    table = table_of(active_paytable().canonical)
    for number in count():
        nonce = number.to_bytes(16, "big")
        drawn = draw(table, seed=seed, nonce=state.nonce, client_seed=state.client_seed, client_nonce=nonce)
        if wanted(drawn.payout):
            return nonce
    raise AssertionError("unreachable")


def winning(user: User) -> bytes:
    return nonce_for(user, lambda payout: payout > 0)


def losing(user: User) -> bytes:
    return nonce_for(user, lambda payout: payout == 0)


def state_of(user: User) -> SlotState:
    return SlotState.objects.get(user_id=user.id)
