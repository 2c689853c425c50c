"""Spins of many people in one transaction: each has the outcome that it would have alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from accounts.callers import Claims
from accounts.models import Role, User
from compliance.errors import AgeVerificationRequired, GameDisabled, RoleNotAllowed, TermsNotAccepted
from compliance.models import Refusal
from core.batches import KeyedRequest, Later, run_alone
from core.db import rows
from core.errors import IdempotencyKeyReused, NotFound, Unauthenticated
from core.idempotency import Answer
from core.ids import new_id
from escrow.errors import InsufficientBalance, WalletFrozen
from escrow.tests.factories import freeze
from slots import services
from slots.batched import SPIN
from slots.errors import CommitmentStale, HourlyLimitReached, InvalidBet, PaytableChanged, SpinTooFast
from slots.models import Game, SlotState, Spin
from slots.tests.factories import asked, play, player, points_of, state_of, together
from slots.tests.test_refusals import written
from tests.interleaving import Concurrent
from tests.world import new_terms, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def spinner(*, points: int = 1_000, **changes: Any) -> User:
    """A player with a slot state, so that a batch takes the first spin."""
    user = player(points=points)
    services.fairness(user=user)
    for name, value in changes.items():
        setattr(user, name, value)
    if changes:
        user.save()
    return user


def kinds(outcomes: list[Any]) -> list[type]:
    return [type(each) for each in outcomes]


def test_each_has_the_outcome_that_it_would_have_alone(settings: Any) -> None:
    settings.SLOTS_SPINS_PER_HOUR = 3
    frozen, busy = spinner(), spinner()
    freeze(frozen)
    for _ in range(3):
        play(user=busy)
    requests = [
        asked(spinner()),
        asked(spinner(points=99)),
        asked(spinner(role=Role.PERFORMER)),
        asked(spinner(), performer_id=new_id()),
        asked(spinner(verified_at=None)),
        asked(spinner(terms_version=0)),
        asked(spinner(), paytable_digest=bytes(32)),
        asked(spinner(), commitment=bytes(32)),
        asked(spinner(), bet=200),
        asked(frozen),
        asked(busy),
        asked(spinner(is_active=False)),
        asked(spinner(), performer_id=performer().pk),
    ]
    numbered = [replace(each, request_id=f"request-{place}") for place, each in enumerate(requests)]

    outcomes = together(*numbered)

    assert kinds(outcomes) == [
        Answer,
        InsufficientBalance,
        RoleNotAllowed,
        NotFound,
        AgeVerificationRequired,
        TermsNotAccepted,
        PaytableChanged,
        CommitmentStale,
        InvalidBet,
        WalletFrozen,
        HourlyLimitReached,
        Unauthenticated,
        Answer,
    ]
    assert outcomes[1].details == {"needed": 100, "available": 99, "currency": "POINT"}
    recorded = Refusal.objects.order_by("id").values_list("user_id", "feature", "gate", "code", "request_id")
    assert list(recorded) == [
        (numbered[place].caller_id, "slots", gate, outcomes[place].code, f"request-{place}")
        for place, gate in (
            (1, "balance"),
            (2, "role"),
            (4, "age"),
            (5, "terms"),
            (6, "paytable"),
            (7, "commitment"),
            (8, "bet"),
            (9, "balance"),
            (10, "hourly_limit"),
        )
    ]
    spun = [numbered[0].caller_id, numbered[-1].caller_id]
    assert set(Spin.objects.exclude(user_id=busy.pk).values_list("user_id", flat=True)) == set(spun)
    assert services.verify() == []


def test_limits_and_the_game_are_those_of_now(settings: Any) -> None:
    users = [spinner() for _ in range(3)]
    settings.SLOTS_MIN_INTERVAL_MS = 60_000

    first = together(*(asked(user) for user in users))
    second = together(*(asked(user) for user in users))
    settings.SLOTS_MIN_INTERVAL_MS = 0
    Game.objects.update(enabled=False)
    third = together(*(asked(user) for user in users))
    Game.objects.update(enabled=True)
    new_terms()
    fourth = together(*(asked(user) for user in users))

    assert [set(kinds(each)) for each in (first, second, third, fourth)] == [
        {Answer}, {SpinTooFast}, {GameDisabled}, {TermsNotAccepted},
    ]  # fmt: skip


def test_refusals_alone_write_nothing_else() -> None:
    user = spinner()
    before = written()

    (refused,) = together(asked(user, bet=7))

    assert isinstance(refused, InvalidBet)
    assert written() == before
    assert Refusal.objects.get().user_id == user.pk


# --- what a batch leaves out ---------------------------------------------------------------------------------------


@contextmanager
def locked(sql: str, user: User) -> Iterator[None]:
    """Keep a row of the user locked in another transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{sql} FOR NO KEY UPDATE", [user.pk])
        yield


@pytest.mark.parametrize(
    "row",
    ["SELECT FROM slots_slotstate WHERE user_id = %s", "SELECT FROM escrow_wallet WHERE owner_id = %s"],
    ids=["state", "wallet"],
)
def test_what_is_locked_delays_nobody_else(row: str) -> None:
    held_up, other = spinner(), spinner()

    with locked(row, held_up):
        outcomes = Concurrent(lambda: together(asked(held_up), asked(other))).result()

    assert kinds(outcomes) == [Later, Answer]
    assert (state_of(held_up).nonce, state_of(other).nonce) == (0, 1)
    assert kinds(together(asked(held_up))) == [Answer]


def test_a_first_spin_is_left_to_a_list_of_one() -> None:
    newcomer, other = player(), spinner()
    request = asked(newcomer)

    assert kinds(together(request, asked(other))) == [Later, Answer]
    assert not SlotState.objects.filter(user_id=newcomer.pk).exists()
    assert run_alone(SPIN, request).status == 200
    assert kinds(together(asked(newcomer))) == [Answer]


def test_a_players_second_spin_in_a_batch_is_left_out() -> None:
    user = spinner()
    first, second = asked(user), asked(user)

    assert kinds(together(first, second)) == [Answer, Later]
    assert run_alone(SPIN, second).status == 200
    assert state_of(user).nonce == 2


# --- keys ----------------------------------------------------------------------------------------------------------


def test_an_answer_is_repeated_byte_for_byte_on_both_paths() -> None:
    user, other = spinner(), spinner()
    in_a_batch, alone = asked(user), asked(other)
    (first,) = together(in_a_batch)
    second = run_alone(SPIN, alone)

    again = together(in_a_batch, alone)

    assert [(each.body, each.replayed) for each in again] == [(first.body, True), (second.body, True)]
    assert run_alone(SPIN, in_a_batch) == again[0]
    assert (state_of(user).nonce, state_of(other).nonce) == (1, 1)


def test_a_key_is_no_other_requests() -> None:
    user, other = spinner(), spinner()
    first = asked(user, client_seed="a")
    together(first)

    outcomes = together(asked(user, key=first.key, client_seed="b"), asked(other, key=first.key, client_seed="a"))

    assert kinds(outcomes) == [IdempotencyKeyReused, Answer]
    assert (state_of(user).nonce, state_of(other).nonce) == (1, 1)


def test_twins_in_one_batch_spin_once() -> None:
    user = spinner()
    request = asked(user)

    outcomes = together(request, request, request)

    assert kinds(outcomes) == [Answer, Later, Later]
    assert run_alone(SPIN, request) == replace(outcomes[0], replayed=True)
    assert state_of(user).nonce == 1


def test_a_refused_key_may_be_used_again() -> None:
    user = spinner(points=0)
    request = asked(user)

    assert kinds(together(request)) == [InsufficientBalance]
    assert not rows("SELECT FROM core_idempotencykey WHERE caller = %s", [user.pk])


# --- who asks ------------------------------------------------------------------------------------------------------


def claimed(user: User, *, family: str = "a") -> KeyedRequest[services.SpinInput]:
    """A request with a token of this moment."""
    (found,) = rows("SELECT upper(md5(password)) AS digest, sign_in_epoch FROM accounts_user WHERE id = %s", [user.pk])
    claims = Claims(user.pk, password=found["digest"], epoch=found["sign_in_epoch"], expires_at_s=2**40, family=family)
    return asked(user, claims=claims)


def test_a_ban_and_a_new_password_count_at_once() -> None:
    banned, changed, ended, told, left, fine = (spinner() for _ in range(6))
    requests = [*map(claimed, (banned, changed, ended, told, left)), claimed(fine, family="b")]
    User.objects.filter(pk=banned.pk).update(is_active=False)
    User.objects.filter(pk=changed.pk).update(password=make_password("another one entirely"))
    User.objects.filter(pk=ended.pk).update(sign_in_epoch=ended.sign_in_epoch + 1)
    User.objects.filter(pk=told.pk).update(must_change_password=True)
    User.objects.filter(pk__in=(left.pk, fine.pk)).update(ended_families=["a", "c"])

    outcomes = together(*requests)

    assert kinds(outcomes) == [Unauthenticated] * 5 + [Answer]
    assert Spin.objects.count() == 1


def test_nobody_is_refused_as_anybody_else() -> None:
    unknown = person()
    request = replace(asked(unknown), caller_id=new_id())

    assert kinds(together(request, asked(spinner()))) == [Unauthenticated, Answer]


# --- money ---------------------------------------------------------------------------------------------------------


def test_balances_of_a_batch_are_those_of_its_answers() -> None:
    users = [spinner() for _ in range(20)]

    outcomes = together(*(asked(user) for user in users))

    assert set(kinds(outcomes)) == {Answer}
    spins = {spin.user_id: spin for spin in Spin.objects.all()}
    for user in users:
        assert points_of(user) == spins[user.pk].balance_after == 900 + spins[user.pk].payout
    assert services.verify() == []
