"""One transaction per command, tried again after a deadlock, refused after a lock time-out."""

import threading
from collections.abc import Callable

import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.db import ATTEMPTS, command, joined, rows
from core.errors import QueueBusy
from core.models import Heartbeat
from tests.racing import names, race

pytestmark = pytest.mark.django_db(transaction=True)


def beats() -> list[str]:
    return sorted(Heartbeat.objects.values_list("name", flat=True))


def raises(sqlstate: str) -> None:
    rows(f"DO $$ BEGIN RAISE EXCEPTION 'made' USING ERRCODE = '{sqlstate}'; END $$")


def failing(times: int, sqlstate: str) -> Callable[[], int]:
    """A work that writes, then fails so many times, then succeeds; it returns how often it was called."""
    calls = [0]

    def work() -> int:
        calls[0] += 1
        Heartbeat.objects.create(name=f"try {calls[0]}")
        if calls[0] <= times:
            raises(sqlstate)
        return calls[0]

    return work


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_a_deadlock_or_serialization_failure_is_tried_again_and_leaves_nothing(sqlstate: str) -> None:
    assert command(failing(ATTEMPTS - 1, sqlstate)) == ATTEMPTS

    assert beats() == [f"try {ATTEMPTS}"]


def test_it_is_not_tried_for_ever() -> None:
    with pytest.raises(OperationalError):
        command(failing(ATTEMPTS, "40P01"))

    assert beats() == []


def test_a_lock_time_out_is_busy_and_is_not_tried_again() -> None:
    work = failing(1, "55P03")

    with pytest.raises(QueueBusy) as refused:
        command(work)

    assert refused.value.retry_after_s == 1
    assert work() == 2  # it had been called once


def test_what_runs_before_stays_even_if_the_command_is_refused() -> None:
    with pytest.raises(QueueBusy):
        command(lambda: raises("55P03"), before=lambda: Heartbeat.objects.create(name="before"))

    assert beats() == ["before"]


def test_a_command_is_never_nested() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        command(lambda: None)


def test_a_service_joins_the_open_transaction_without_a_savepoint() -> None:
    with CaptureQueriesContext(connection) as run, transaction.atomic():
        with joined():
            Heartbeat.objects.create(name="inner")
        transaction.set_rollback(True)

    assert not [query for query in run if "SAVEPOINT" in query["sql"]]
    assert beats() == []


def test_a_service_that_finds_no_transaction_opens_one() -> None:
    def fails() -> None:
        with joined():
            Heartbeat.objects.create(name="inner")
            raises("22012")

    with pytest.raises(DataError):
        fails()

    assert beats() == []


def test_two_who_lock_the_other_way_round_both_succeed() -> None:
    """The server ends one of them; the retry makes it invisible."""
    Heartbeat.objects.bulk_create([Heartbeat(name="a"), Heartbeat(name="b")])
    met, first_try = threading.Barrier(2), threading.local()

    def both(first: str, second: str) -> None:
        Heartbeat.objects.select_for_update().get(name=first)
        if not getattr(first_try, "over", False):
            first_try.over = True
            met.wait(timeout=10)
        Heartbeat.objects.select_for_update().get(name=second)

    outcomes = race(lambda: command(lambda: both("a", "b")), lambda: command(lambda: both("b", "a")))

    assert outcomes == [None, None]


def test_a_lock_held_too_long_is_refused_to_the_other() -> None:
    Heartbeat.objects.create(name="a")
    taken, done = threading.Event(), threading.Event()

    def slow() -> str:
        Heartbeat.objects.select_for_update().get(name="a")
        taken.set()
        assert done.wait(timeout=20)
        return "slow"

    def eager() -> str:
        assert taken.wait(timeout=20)
        rows("SELECT set_config('lock_timeout', '100ms', true)")
        try:
            Heartbeat.objects.select_for_update().get(name="a")
        finally:
            done.set()
        return "eager"

    outcomes = race(lambda: command(slow), lambda: command(eager))

    assert outcomes[0] == "slow"
    assert names(outcomes) == {"str": 1, "QueueBusy": 1}


def test_time_limits_are_settings_of_the_role_in_this_database() -> None:
    limits = {row["name"]: row["setting"] for row in rows("SELECT name, setting FROM pg_settings")}

    assert limits["lock_timeout"] == "3000"
    assert limits["statement_timeout"] == "10000"
    assert limits["idle_in_transaction_session_timeout"] == "10000"
