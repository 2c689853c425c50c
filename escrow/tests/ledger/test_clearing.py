"""Instants of wallets whose balances are kept elsewhere: bets come from the clearing account, awards go there."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from core.clock import db_now
from core.db import rows
from core.ids import new_id
from escrow import services
from escrow.models import Operation
from escrow.services import Currency, House
from escrow.services.adjustments import Reversal, reverse_many
from escrow.services.batches import Instant, LockedWallet, settle_instants
from escrow.services.houses import house_balances
from escrow.tests.factories import freeze
from escrow.tests.ledger.test_batches import MOVED, decided, execute, locked, owing, undone
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["undone"]

STEPS = """
SELECT o.kind, e.version, e.house, e.d_available, e.d_held, e.available_after, e.held_after
  FROM escrow_entry e JOIN escrow_operation o ON o.id = e.operation_id
 WHERE o.meta->>'requestId' = %s ORDER BY o.id, e.line
"""


def cleared(*instants: Instant) -> Any:
    return settle_instants(execute, instants, at=db_now(), clearing=House.LOYALTY_CLEARING)


def wallet_of(owner: User) -> LockedWallet:
    with transaction.atomic():
        return locked(owner)[0]


def balance_of(house: House) -> int:
    found = house_balances()
    return next(each.balance for each in found if (each.house, each.currency) == (house, Currency.POINT))


def steps_of(request: str) -> list[tuple[Any, ...]]:
    kinds = ("deposit", "hold", "settle", "award", "withdraw")
    found = [tuple(row.values()) for row in rows(STEPS, [request])]
    return sorted(found, key=lambda row: (kinds.index(row[0]), row[2] or ""))


@pytest.mark.parametrize("points", [0, 40])
def test_a_win_takes_five_steps_and_ends_where_it_began(points: int) -> None:
    player = person(points=points)
    before = wallet_of(player)

    with transaction.atomic():
        each = replace(decided(player, 100, 150), request_id="r-1")
        assert cleared(each) == [{"escrow_instant_cleared": 1}]

    first = 1 if points else 0
    assert wallet_of(player) == before
    assert steps_of("r-1") == [
        ("deposit", first + 1, None, 100, 0, points + 100, 0),
        ("deposit", None, "loyalty_clearing", -100, 0, None, None),
        ("hold", first + 2, None, -100, 100, points, 100),
        ("settle", first + 3, None, 0, -100, points, 0),
        ("settle", None, "slots_bank", 100, 0, None, None),
        ("award", first + 4, None, 150, 0, points + 150, 0),
        ("award", None, "slots_bank", -150, 0, None, None),
        ("withdraw", first + 5, None, -150, 0, points, 0),
        ("withdraw", None, "loyalty_clearing", 150, 0, None, None),
    ]
    assert (balance_of(House.LOYALTY_CLEARING), balance_of(House.SLOTS_BANK)) == (50, -50)


def test_a_loss_takes_three(undone: None) -> None:
    player = person(points=0)

    each = replace(decided(player, 100, 0), request_id="r-1")
    cleared(each)

    assert [row[0] for row in steps_of("r-1")] == ["deposit", "deposit", "hold", "settle", "settle"]
    assert (balance_of(House.LOYALTY_CLEARING), balance_of(House.SLOTS_BANK)) == (-100, 100)


def test_a_debt_is_neither_paid_nor_made(undone: None) -> None:
    player = person(points=0)
    owing(player, 70)
    (before,) = locked(player)

    cleared(decided(player, 100, 150))

    assert locked(player) == [before]


def test_every_wallet_of_a_list_ends_where_it_began() -> None:
    players = [person(points=number % 2) for number in range(64)]
    with transaction.atomic():
        before = locked(*players)
        instants = [
            decided(player, 10 + number, number % 3, wallet)
            for number, (player, wallet) in enumerate(zip(players, before, strict=True))
        ]
        assert cleared(*instants) == [{"escrow_instant_cleared": 64}]

    with transaction.atomic():
        assert locked(*players) == before
    staked, won = sum(10 + number for number in range(64)), sum(number % 3 for number in range(64))
    assert balance_of(House.LOYALTY_CLEARING) == won - staked


@pytest.mark.parametrize("case", MOVED)
def test_a_list_is_refused_whole_where_a_wallet_is_not_as_decided(case: str) -> None:
    players = [person(points=100), person(points=100)]

    refused = pytest.raises(IntegrityError, match="not where its decision found it")
    with refused, transaction.atomic():
        right, wrong = (decided(player, 10, 5) for player in players)
        cleared(right, replace(wrong, wallet=MOVED[case](wrong.wallet)))
    assert balance_of(House.LOYALTY_CLEARING) == 0


def test_another_persons_wallet_takes_no_part() -> None:
    alice, bob = person(points=100), person(points=100)

    refused = pytest.raises(IntegrityError, match="not where its decision found it")
    with refused, transaction.atomic():
        (wallet,) = locked(bob)
        cleared(decided(alice, 10, 0, wallet))


def test_a_wallet_of_another_currency_takes_no_part() -> None:
    alice = person(points=100, tokens=100)

    with pytest.raises(IntegrityError, match="not where its decision found it"), transaction.atomic():
        cleared(decided(alice, 10, 0, locked(alice, currency=Currency.TOKEN)[0]))


def test_a_frozen_wallet_takes_no_part() -> None:
    player = person(points=100)
    freeze(player)

    with pytest.raises(IntegrityError, match="not where its decision found it"), transaction.atomic():
        cleared(decided(player, 10, 0))


@pytest.mark.parametrize("award", [-1, 1_000_000_001])
def test_an_award_out_of_range_is_refused(award: int) -> None:
    player = person(points=100)

    with pytest.raises(IntegrityError, match="out of range"), transaction.atomic():
        cleared(replace(decided(player, 10, 5), award=award))


def test_a_known_key_is_refused() -> None:
    player = person(points=100)
    with transaction.atomic():
        each = decided(player, 10, 5)
        cleared(each)

    refused = pytest.raises(IntegrityError, match="escrow_operation_once")
    with refused, transaction.atomic():
        again = decided(player, 10, 5)
        cleared(replace(again, hold=replace(again.hold, key=each.hold.key)))


def test_a_hold_is_settled_only_under_its_finished_item() -> None:
    player = person(points=100)

    refused = pytest.raises(IntegrityError, match="only what its finished item says")
    with refused, transaction.atomic():
        each = decided(player, 10, 5)
        cleared(replace(each, hold=replace(each.hold, hold_id=new_id())))


def test_what_went_back_to_clearing_is_not_reversed() -> None:
    player = person(points=100)
    with transaction.atomic():
        each = decided(player, 10, 5)
        cleared(each)
    withdrawn = Operation.objects.get(kind="withdraw", key=each.hold.key)

    (outcome,) = reverse_many([Reversal(withdrawn.pk)])

    assert outcome.code == "INVALID_TRANSITION"


@pytest.mark.tampers
def test_the_verifier_knows_what_a_withdrawal_looks_like(undone: None) -> None:
    player = person(points=100)
    cleared(decided(player, 10, 5))

    assert services.verify() == []
