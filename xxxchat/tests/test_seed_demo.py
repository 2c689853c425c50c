"""The demo world is complete, is made once, and never outside of demo mode."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

import escrow.services
from accounts.models import Role, User
from core.db import rows
from escrow.models import TokenPackage
from escrow.services import Currency
from tests.world import client_of

pytestmark = pytest.mark.django_db(transaction=True)
CAST = {
    **dict.fromkeys(("alice", "bob", "carol"), Role.USER),
    **dict.fromkeys(("ruby", "jade"), Role.PERFORMER),
    "admin": Role.ADMIN,
    "support": Role.SUPPORT,
    "finance": Role.FINANCE,
    "games": Role.GAMES,
    "auditor": Role.AUDITOR,
    "arcade": Role.SERVICE,
}
EVERYTHING = (
    "SELECT (SELECT count(*) FROM accounts_user) AS people, (SELECT count(*) FROM escrow_operation) AS operations,"
    " (SELECT count(*) FROM menus_menuitem) AS offers, (SELECT count(*) FROM live_event) AS events,"
    " (SELECT sum(next_turn) FROM perfqueue_performerqueue WHERE is_open) AS turns,"
    " (SELECT string_agg(password, ' ' ORDER BY id) FROM accounts_user) AS passwords"
)


@pytest.fixture
def world(settings: Any) -> None:
    settings.DEMO_PASSWORD = "chosen by whoever starts it"
    call_command("seed_demo", verbosity=0)


def test_everybody_is_there_verified_with_terms_accepted_and_one_password(world: None) -> None:
    people = {user.username: user for user in User.objects.all()}

    assert {name: user.role for name, user in people.items()} == CAST
    assert all(user.verified_at is not None and user.terms_version == 1 and user.is_active for user in people.values())
    assert all(user.check_password("chosen by whoever starts it") for user in people.values())
    assert [name for name, user in people.items() if user.is_superuser] == ["admin"]


def test_buyers_own_what_the_mint_gave_and_nobody_else_owns_anything(world: None) -> None:
    owned = {
        user.username: {wallet.currency: wallet.available for wallet in escrow.services.wallets_of(user.pk)}
        for user in User.objects.all()
    }

    rich = {Currency.TOKEN: 100_000, Currency.POINT: 100_000}
    poor = {Currency.TOKEN: 0, Currency.POINT: 0}
    assert owned == {name: rich if role is Role.USER else poor for name, role in CAST.items()}


@pytest.mark.parametrize("name", ["ruby", "jade"])
def test_each_performer_has_an_open_queue_and_a_menu_to_buy_from(world: None, name: str) -> None:
    performer = User.objects.get(username=name)
    public = Client()

    line = public.get(f"/api/v1/performer/{performer.pk}/queue").json()
    (menu,) = public.get(f"/api/v1/performer/{performer.pk}/menus").json()["menus"]

    assert (line["open"], line["paused"], line["items"]) == (True, False, [])
    assert menu["type"] == "performance"
    assert len(menu["items"]) >= 4
    assert all(10 <= item["price"] <= 100 and item["available"] for item in menu["items"])


def test_alice_may_buy_at_once(world: None) -> None:
    alice, ruby = (User.objects.get(username=name) for name in ("alice", "ruby"))
    item = Client().get(f"/api/v1/performer/{ruby.pk}/menus").json()["menus"][0]["items"][0]

    answer = client_of(alice).post(
        f"/api/v1/menus/items/{item['id']}/purchase",
        {"expectedPrice": item["price"]},
        format="json",
        headers={"Idempotency-Key": "first-purchase"},
    )

    assert (answer.status_code, answer.json()["queueItem"]["position"]) == (201, 1)


def test_a_second_run_changes_nothing(world: None, settings: Any) -> None:
    before = rows(EVERYTHING)
    settings.DEMO_PASSWORD = "another"

    call_command("seed_demo", verbosity=0)

    assert rows(EVERYTHING) == before


def test_what_was_spent_is_not_given_again(world: None) -> None:
    test_alice_may_buy_at_once(world)
    alice = User.objects.get(username="alice")
    left = escrow.services.balance(alice.pk, Currency.TOKEN)

    call_command("seed_demo", verbosity=0)

    assert left < 100_000
    assert escrow.services.balance(alice.pk, Currency.TOKEN) == left


def test_the_shop_is_the_staffs_own_after_the_first_run(world: None) -> None:
    TokenPackage.objects.filter(title="Pocket").update(title="Purse", is_active=False)
    TokenPackage.objects.create(title="Evening", tokens=1_200, price_minor=1_099, position=1)  # another price: another

    call_command("seed_demo", verbosity=0)

    kept = [(each.title, each.tokens, each.price_minor, each.is_active) for each in TokenPackage.objects.all()]
    assert kept == [
        ("Purse", 500, 499, False),
        ("Evening", 1_200, 999, True),
        ("Evening", 1_200, 1_099, True),
        ("Season", 3_000, 1_999, True),
    ]


def test_outside_demo_mode_nothing_is_made(settings: Any) -> None:
    settings.APP_MODE = "production"

    with pytest.raises(CommandError, match="APP_MODE"):
        call_command("seed_demo")

    assert not User.objects.exists()
