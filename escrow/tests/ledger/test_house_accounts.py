"""House accounts: a snapshot plus later entries is the sum of all entries, whenever snapshots were taken."""

import pytest
from django.db import IntegrityError, connection, transaction

from core.db import rows
from core.ids import new_id
from escrow import services
from escrow.models import Entry, HouseSnapshot
from escrow.services import Award, Close, Currency, Deposit, House, houses
from escrow.services.houses import ACCOUNT_PARAMS, BALANCES
from escrow.tests.factories import finished, house, tampering
from tests.clock import Clock
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def move() -> None:
    """Operations with four house accounts in two currencies."""
    alice, ruby = person(tokens=500, points=100), performer(fee_bps=1_000)
    split = finished(alice, ruby, 100, 61)
    spun = finished(alice, House.SLOTS_BANK, 40, 40)
    services.close_many([Close(str(split), split, 61, 39, 1_000), Close(str(spun), spun, 40, 0)])
    services.award_many([Award(str(new_id()), alice.pk, 7, spun)])
    services.deposit(Deposit(str(new_id()), alice.pk, Currency.TOKEN, 50, House.SALES))


def reported() -> dict[tuple[str, str], int]:
    return {(each.house, each.currency): each.balance for each in houses.house_balances()}


def summed() -> dict[tuple[str, str], int]:
    found = dict.fromkeys(reported(), 0)
    for entry in Entry.objects.filter(house__isnull=False):
        found[str(entry.house), entry.currency] += entry.d_available
    return found


def test_balances_are_the_sums_of_all_entries_whenever_snapshots_are_taken(clock: Clock) -> None:
    taken = []
    for minutes in (0, 59, 2, 30, 90):
        clock.shift(minutes=minutes)
        taken.append(houses.snapshot_houses())
        assert reported() == summed()
        move()
        assert reported() == summed()

    assert taken == [0, 0, 6, 0, 6]  # mint and bank in two currencies, revenue, sales: each once it has settled
    assert reported()["sales", "TOKEN"] == -250
    assert house(House.REVENUE) == 30


def test_a_snapshot_holds_no_entry_younger_than_an_hour(clock: Clock) -> None:
    move()
    clock.shift(minutes=61)
    first = Entry.objects.order_by("-id")[0].pk
    move()

    houses.snapshot_houses()

    assert HouseSnapshot.objects.exists()
    assert all(snapshot.upto <= first for snapshot in HouseSnapshot.objects.all())
    assert houses.snapshot_houses() == 0


def test_a_balance_reads_no_entry_older_than_its_snapshot(clock: Clock) -> None:
    for _ in range(20):
        move()
    clock.shift(minutes=61)
    houses.snapshot_houses()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE escrow_entry, escrow_housesnapshot")  # else what is known is of another test's rows
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) " + BALANCES, ACCOUNT_PARAMS)
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Seq Scan" not in plan
    assert "escrow_entry_house" in plan
    assert "rows=1" not in [line for line in plan.splitlines() if "escrow_entry_house" in line]


def test_a_snapshot_is_kept_and_a_wrong_one_is_found(clock: Clock) -> None:
    move()
    clock.shift(minutes=61)
    houses.snapshot_houses()

    for sql in ("UPDATE escrow_housesnapshot SET balance = 0", "DELETE FROM escrow_housesnapshot"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows(sql)
    assert services.verify() == []
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_housesnapshot SET balance = balance + 1 WHERE house = 'sales'")
    (finding,) = services.verify()
    assert (finding.check, finding.subject) == ("V6", "sales TOKEN")
    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_housesnapshot SET balance = balance - 1 WHERE house = 'sales'")


def test_all_of_each_currency_sums_to_zero() -> None:
    move()

    books = {each.currency: each for each in houses.totals_by_currency()}

    assert (books["TOKEN"].total, books["POINT"].total) == (0, 0)
    assert (books["TOKEN"].available, books["TOKEN"].earned) == (449, 55)
    assert books["POINT"].available == 107


def test_an_empty_ledger_sums_to_zero_too() -> None:
    assert [(each.currency, each.total, each.available) for each in houses.totals_by_currency()] == [
        ("TOKEN", 0, 0),
        ("POINT", 0, 0),
    ]
