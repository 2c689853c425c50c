"""Batches against all that takes the same rows: other batches, the ordinary path, money that moves, freezes.

After each test the ledger's invariants are checked, and that no deadlock was broken by the database.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from django.http import HttpResponse

from accounts.models import User
from core.batches import KeyedRequest, Later, run_alone
from core.db import command, rows
from core.idempotency import Answer
from core.ids import new_id
from escrow import services as escrow
from escrow.errors import InsufficientBalance, WalletFrozen
from escrow.models import Wallet
from escrow.services import Currency, Deposit, House, adjustments
from escrow.services.adjustments import Reversal
from escrow.tests.factories import freeze, thaw
from slots import services
from slots.batched import SPIN
from slots.models import Spin
from slots.tests.factories import asked, losing, player, points_of, post_spin, state_of, together, winning
from tests.racing import race
from tests.world import client_of

pytestmark = pytest.mark.django_db(transaction=True)
TIMES = 6


@pytest.fixture(autouse=True)
def no_deadlock() -> Iterator[None]:
    """A session's count is kept once it has ended, and each racer has its own."""
    before = deadlocks()
    yield
    assert deadlocks() == before


def deadlocks() -> int:
    (found,) = rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    count: int = found["deadlocks"]
    return count


def spinners(count: int, *, points: int = 100_000) -> list[User]:
    users = [player(points=points) for _ in range(count)]
    for user in users:
        services.fairness(user=user)
    return users


def batches(users: Sequence[User]) -> Callable[[], list[Any]]:
    """One spin of each, batch after batch; whoever is left out spins alone."""

    def run() -> list[Any]:
        done = []
        for _ in range(TIMES):
            requests = [asked(user) for user in users]
            for request, outcome in zip(requests, together(*requests), strict=True):
                done.append(alone(request) if isinstance(outcome, Later) else outcome)
        return done

    return run


def alone(request: KeyedRequest[services.SpinInput]) -> Any:
    try:
        return run_alone(SPIN, request)
    except (InsufficientBalance, WalletFrozen) as refusal:
        return refusal


def ordinary(users: Sequence[User]) -> Callable[[], list[HttpResponse]]:
    return lambda: [post_spin(client_of(user)) for _ in range(TIMES) for user in users]


def kinds(outcomes: Sequence[Any]) -> Counter[type]:
    return Counter(type(each) for each in outcomes)


def test_batches_over_the_same_players_and_the_ordinary_path_spin_each_time() -> None:
    users = spinners(6)

    first, second, answers = race(batches(users), batches(users[::-1]), ordinary(users[2:4]))

    assert kinds(first) == kinds(second) == {Answer: TIMES * 6}
    assert {answer.status_code for answer in answers} == {200}
    for place, user in enumerate(users):
        spins = TIMES * (3 if place in (2, 3) else 2)
        assert state_of(user).nonce == spins
        nonces = Spin.objects.filter(user_id=user.pk).order_by("nonce").values_list("nonce", flat=True)
        assert list(nonces) == list(range(spins))
    assert services.verify() == []


def test_one_key_on_both_paths_and_in_two_batches_is_one_spin() -> None:
    for _ in range(3):
        (user,) = spinners(1)
        request = asked(user, key="one-and-the-same")

        def batched(request: KeyedRequest[services.SpinInput] = request) -> Any:
            (outcome,) = together(request)
            return alone(request) if isinstance(outcome, Later) else outcome

        outcomes = race(*[batched] * 4, *[partial(run_alone, SPIN, request)] * 4)

        assert kinds(outcomes) == {Answer: 8}
        assert len({each.body for each in outcomes}) == 1
        assert Counter(each.replayed for each in outcomes) == {False: 1, True: 7}
        assert state_of(user).nonce == 1


def test_a_first_spin_by_two_at_once_is_two_spins_of_one_state() -> None:
    for _ in range(3):
        user = player()

        def first(user: User = user) -> Any:
            request = asked(user)
            (outcome,) = together(request)
            return alone(request) if isinstance(outcome, Later) else outcome

        outcomes = race(first, first, partial(alone, asked(user)))

        assert kinds(outcomes) == {Answer: 3}
        assert state_of(user).nonce == 3
    assert services.verify() == []


def test_deposits_and_chargebacks_meanwhile_are_all_in_the_balance() -> None:
    """A chargeback beyond the balance leaves a debt; awards pay it first."""
    users = spinners(4, points=0)
    paid = {user.pk: deposit(user, 700) for user in users}

    def money() -> int:
        for user in users:
            adjustments.chargeback_many([Reversal(paid[user.pk])])
            for _ in range(TIMES):
                deposit(user, 150)
        return len(users)

    outcomes, _ = race(batches(users), money)

    assert set(kinds(outcomes)) <= {Answer, InsufficientBalance}
    for user in users:
        state, wallet = state_of(user), Wallet.objects.get(owner_id=user.pk, currency=Currency.POINT)
        assert wallet.held == 0
        assert wallet.available - wallet.owed == 150 * TIMES - state.staked_total + state.paid_total
    assert services.verify() == []


def test_a_debt_is_paid_by_the_award_of_a_spin_that_was_decided_before_it() -> None:
    """The wallet is locked from the decision to the commit: a chargeback comes before it or after it, never between."""
    for _ in range(3):
        (user,) = spinners(1, points=0)
        paid = deposit(user, 100)
        nonce = winning(user)

        spun, charged = race(
            partial(together, asked(user, client_nonce=nonce)),
            partial(adjustments.chargeback_many, [Reversal(paid)]),
        )

        assert charged[0].code is None
        wallet, state = Wallet.objects.get(owner_id=user.pk, currency=Currency.POINT), state_of(user)
        assert kinds(spun) in ({Answer: 1}, {InsufficientBalance: 1}, {Later: 1})
        assert wallet.available - wallet.owed == state.paid_total - state.staked_total
        assert min(wallet.available, wallet.owed) == 0


def test_a_frozen_wallet_pays_nothing_once_the_freeze_is_committed() -> None:
    users = spinners(4)

    def freezes() -> int:
        for user in users:
            freeze(user)
        return 0

    outcomes, _ = race(batches(users), freezes)

    assert set(kinds(outcomes)) <= {Answer, WalletFrozen}
    assert kinds(together(*(asked(user) for user in users))) == {WalletFrozen: 4}
    before = [points_of(user) for user in users]
    for user in users:
        thaw(user)
    assert kinds(together(*(asked(user, client_nonce=losing(user)) for user in users))) == {Answer: 4}
    assert [points_of(user) for user in users] == [points - 100 for points in before]


def test_entries_follow_the_time_of_their_versions() -> None:
    """A batch's time is taken under the locks of its wallets: no entry is older than the one before it."""
    users = spinners(3)

    race(batches(users), ordinary(users), lambda: [deposit(user, 5) for _ in range(TIMES) for user in users])

    back = rows(
        "SELECT e.id FROM escrow_entry e JOIN escrow_entry p ON p.wallet_id = e.wallet_id AND p.version = e.version - 1"
        " WHERE p.at > e.at"
    )
    assert back == []


def deposit(user: User, points: int) -> Any:
    """Deposit points and return the operation's id."""
    request = Deposit(str(new_id()), user.pk, Currency.POINT, points, House.SALES)
    return command(lambda: escrow.deposit(request)).operation_id
