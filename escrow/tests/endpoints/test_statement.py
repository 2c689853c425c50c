"""A wallet's past: every entry with its balances, and balances by version and by time."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from core.clock import db_now
from core.db import rows
from core.errors import NotFound
from core.ids import new_id
from escrow import services
from escrow.models import Entry
from escrow.services import Currency, Deposit, House, wallets
from escrow.tests.factories import wallet
from tests import world
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


def earn(owner: User, amount: int) -> None:
    services.deposit(Deposit(str(new_id()), owner.pk, Currency.TOKEN, amount, House.MINT))


def get(who: User, path: str) -> Any:
    return world.client_of(who).get(f"/api/v1/{path}")


@pytest.fixture
def alice(clock: Clock) -> User:
    """Nine lines, ten minutes apart: 1, 2, … 9 tokens."""
    alice = world.person("alice")
    for amount in range(1, 10):
        earn(alice, amount)
        clock.shift(minutes=10)
    return alice


def test_a_statement_runs_backward_in_pages_that_new_entries_do_not_move(alice: User) -> None:
    first = get(alice, "wallet/statement?limit=4").json()
    earn(alice, 100)
    second = get(alice, f"wallet/statement?limit=4&cursor={first['next']}").json()
    third = get(alice, f"wallet/statement?limit=4&cursor={second['next']}").json()

    lines = [*first["items"], *second["items"], *third["items"]]
    assert [line["version"] for line in lines] == list(range(9, 0, -1))
    assert [line["availableAfter"] for line in lines] == [sum(range(n + 1)) for n in range(9, 0, -1)]
    assert third["next"] is None
    assert get(alice, "wallet/statement?currency=POINT").json() == {"items": [], "next": None}


@pytest.mark.parametrize("version", range(10))
def test_a_balance_by_version_is_that_of_its_entry(alice: User, version: int) -> None:
    assert wallets.balance_at_version(wallet(alice), version).available == sum(range(version + 1))


def test_a_balance_at_a_time_is_that_of_the_last_entry_before_it(alice: User) -> None:
    found = wallet(alice)
    moments = list(Entry.objects.filter(wallet=found).order_by("version").values_list("at", flat=True))

    for version, moment in enumerate(moments, start=1):
        assert wallets.balance_at(found, moment).version == version
        assert wallets.balance_at(found, moment - timedelta(microseconds=1)).version == version - 1
    assert wallets.balance_at(found, db_now() + timedelta(days=1)).available == 45
    assert wallets.balance_at(wallet(world.person()), db_now()).version == 0


def test_the_search_reads_as_many_entries_as_their_number_has_digits(alice: User) -> None:
    found = wallet(alice)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a dozen lines are read whole otherwise
        plan = rows(
            f"EXPLAIN (ANALYZE, FORMAT TEXT) {wallets.LAST_BEFORE}",
            {"wallet": found.pk, "at": db_now() - timedelta(minutes=45)},
        )
    text = "\n".join(next(iter(row.values())) for row in plan)
    assert "escrow_entry_version_once" in text


def test_past_balances_are_for_the_owner_only(alice: User) -> None:
    moment = Entry.objects.filter(wallet=wallet(alice), version=3).get().at.isoformat().replace("+00:00", "Z")

    answers = get(alice, f"wallet/balance?at={moment}").json()
    assert (answers["version"], answers["available"], answers["at"]) == (3, 6, moment)
    assert get(alice, "wallet/balance?version=2").json()["available"] == 3
    assert get(alice, "wallet/balance?version=0").json() == {
        "currency": "TOKEN", "version": 0, "available": 0, "held": 0, "earned": 0, "owed": 0, "at": None,
    }  # fmt: skip
    assert get(alice, "wallet/balance?version=10").status_code == 404
    for wrong in (
        "?version=1&at=2026-01-01T00:00:00Z",
        "?version=-1",
        "?version=x",
        "?at=yesterday",
        "?currency=E",
    ):
        assert get(alice, f"wallet/balance{wrong}").status_code == 400, wrong
    assert get(world.person(), "wallet/statement").json()["items"] == []


def test_a_past_balance_without_a_version_or_a_time_names_both_parameters(alice: User) -> None:
    answer = get(alice, "wallet/balance")

    assert answer.status_code == 400
    assert set(answer.json()["error"]["details"]) == {"version", "at"}


def test_the_csv_has_every_entry_oldest_first(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrow.services.wallets.CHUNK_ENTRIES", 4)
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.get("/wallet/statement.csv")

    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert 'attachment; filename="statement-TOKEN.csv"' in answer["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert [(line["version"], line["available"], line["available_after"]) for line in lines] == [
        (str(n), str(n), str(sum(range(n + 1)))) for n in range(1, 10)
    ]
    assert datetime.fromisoformat(lines[0]["at"])


def test_the_csv_is_for_its_owner_signed_in() -> None:
    assert Client().get("/wallet/statement.csv").status_code == 302


def test_a_wallet_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        wallets.wallet_of(User.objects.create(username="nobody").pk, Currency.TOKEN)
