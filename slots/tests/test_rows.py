"""A spin writes the rows, events and answer that it wrote before spins were stored by lists."""

from dataclasses import replace
from typing import Any

import pytest

from accounts.models import User
from core.idempotency import Answer
from core.ids import new_id
from slots.batched import SPINS, plain
from slots.tests.factories import SPIN, asked, losing, nonce_for, player, post_spin, together
from slots.tests.rows import recorded, written
from tests.world import client_of, performer

pytestmark = pytest.mark.django_db(transaction=True)


def _loss(user: User) -> dict[str, Any]:
    return {"clientNonce": losing(user).hex()}


def _win_in_a_room(user: User) -> dict[str, Any]:
    return {
        "clientNonce": nonce_for(user, lambda payout: payout == 150).hex(),
        "performerId": str(performer().pk),
    }


def _second_of_a_session(user: User) -> dict[str, Any]:
    post_spin(client_of(user), **_loss(user), clientSeed="")
    return {"clientNonce": losing(user).hex(), "clientSeed": ""}


CASES = {"loss": _loss, "win in a room": _win_in_a_room, "second of a session": _second_of_a_session}


@pytest.mark.parametrize("path", ["alone", "in a batch"])
@pytest.mark.parametrize("case", CASES)
def test_a_spins_rows(case: str, path: str, settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 100
    user, key = player(points=1_000), f"spin-{new_id()}"
    body = CASES[case](user)

    if path == "alone":
        assert post_spin(client_of(user), key=key, **body).status_code == 200
    else:
        given: Any = plain({"betAmount": 100, **body}, SPINS.path.match(SPIN))  # type: ignore[arg-type]
        request = replace(asked(user, key=key, request_id="of-the-batch"), input=given)
        others = [asked(each) for each in _others()]
        assert {type(each) for each in together(*others[:2], request, *others[2:])} == {Answer}

    assert written(user, key=key) == recorded()[case]


def _others() -> list[User]:
    """Players who may spin in a batch."""
    others = [player() for _ in range(3)]
    for each in others:
        losing(each)
    return others
