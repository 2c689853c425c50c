"""The gate of spending limits before purchases and the holds of service accounts."""

from datetime import timedelta
from typing import Any

import pytest

import accounts.services
from accounts.models import Role, Scope, User
from compliance.errors import SpendLimitReached
from compliance.models import Refusal
from compliance.services import set_limit
from core.clock import db_now
from core.db import command
from core.ids import new_id
from escrow.models import Hold
from menus.tests.factories import bought, item_in, menu_of
from slots.tests.factories import play
from tests.clock import Clock
from tests.world import client_of, key, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return person("alice", tokens=1_000, points=100_000)


@pytest.fixture
def arcade() -> User:
    service = person(role=Role.SERVICE)
    accounts.services.make_service_account(service, features=["arcade"], scopes=list(Scope), cap_per_user_day=1_000)
    return service


def limited(user: User, amount: int, currency: str = "TOKEN", window: str = "24h") -> None:
    command(lambda: set_limit(user=user, currency=currency, window=window, amount=amount))


def held(arcade: User, user: User, amount: int, currency: str) -> Any:
    body = {
        "userId": str(user.pk), "amount": amount, "currency": currency, "payee": "revenue", "reason": "a round",
        "sourceFeature": "arcade", "sourceEventId": str(new_id()),
    }  # fmt: skip
    return client_of(arcade).post("/api/v1/escrow/holds", body, format="json", headers=key())


def test_a_purchase_above_the_limit_is_refused_until_the_window_frees(alice: User, clock: Clock) -> None:
    rooms = [menu_of(performer()) for _ in range(3)]
    limited(alice, 100)
    bought(alice, item_in(rooms[0]))
    bought(alice, item_in(rooms[1]))
    first = Hold.objects.order_by("created_at")[0].created_at

    with pytest.raises(SpendLimitReached) as refused:
        bought(alice, item_in(rooms[2]))
    assert refused.value.details == {
        "currency": "TOKEN",
        "window": "24h",
        "scope": "user",
        "limit": 100,
        "used": 80,
        "freesAt": first + timedelta(hours=24),
    }

    clock.shift(seconds=(first + timedelta(hours=24) - db_now()).total_seconds())
    assert bought(alice, item_in(rooms[2])) is not None


def test_no_purchase_fits_a_limit_below_its_price(alice: User) -> None:
    limited(alice, 39, window="30d")

    with pytest.raises(SpendLimitReached) as refused:
        bought(alice, item_in(menu_of(performer())))
    assert (refused.value.details["window"], refused.value.details["freesAt"]) == ("30d", None)


def test_points_held_by_a_service_and_spins_share_one_window(alice: User, arcade: User) -> None:
    limited(alice, 250, "POINT")
    play(user=alice)
    assert held(arcade, alice, 150, "POINT").status_code == 201

    refused = held(arcade, alice, 1, "POINT")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (403, "SPEND_LIMIT_REACHED")
    assert (error["details"]["used"], error["details"]["scope"]) == (250, "user")
    row = Refusal.objects.get(user=alice)
    assert (row.gate, row.code, row.feature) == ("spending_limit", "SPEND_LIMIT_REACHED", "arcade")


def test_the_operators_caps_hold_for_points_of_services_too(alice: User, arcade: User, settings: Any) -> None:
    settings.LIMIT_CAPS_POINT = (100, 40_000, 120_000)

    error = held(arcade, alice, 101, "POINT").json()["error"]
    assert error["details"] == {
        "currency": "POINT", "window": "24h", "scope": "operator", "limit": 100, "used": 0, "freesAt": None,
    }  # fmt: skip
    assert held(arcade, alice, 101, "TOKEN").status_code == 201
