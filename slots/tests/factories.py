"""Players and spins through the endpoint, with a client nonce chosen for the payout."""

from collections.abc import Callable
from itertools import count
from typing import Any

from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts.models import User
from core.ids import new_id
from escrow.services import Currency
from slots import services
from slots.draw import draw
from slots.models import SlotState
from slots.sealing import unseal
from slots.services.paytables import active_paytable, table_of
from tests.world import available, person

SPIN = "/api/v1/slot-machine/spin"


def player(*, points: int = 100_000) -> User:
    return person(points=points)


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
    seed = unseal(bytes(state.sealed_seed), user_id=user.id, nonce=state.nonce)
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
