"""Moving the clock of a demo or test."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from core.clock import clock_offset
from core.models import ClockMove
from tests.cleaning import sweeper
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _clock_set_back(clock: Clock) -> Iterator[None]:
    """Set the clock back at the end, and forget the session that empties the database: a move ends it."""
    yield
    sweeper.close()


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("demo_clock", *arguments, stdout=output)
    return output.getvalue()


def test_the_offset_is_set_not_added_and_each_move_is_a_row() -> None:
    run("--forward", "25h")
    run("--forward", "90s")
    assert clock_offset() == timedelta(seconds=90)
    run("--reset")
    assert clock_offset() == timedelta()

    moves = ClockMove.objects.order_by("id").values_list("from_offset", "to_offset")
    assert list(moves) == [
        (timedelta(), timedelta(hours=25)),
        (timedelta(hours=25), timedelta(seconds=90)),
        (timedelta(seconds=90), timedelta()),
    ]
    assert ClockMove.objects.exclude(actor="").count() == 3


def test_the_databases_other_sessions_are_ended() -> None:
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": True}) as other:
        run("--forward", "1d")
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT core_now()")


def test_it_is_refused_outside_demo_and_test(settings: Any) -> None:
    settings.RELAXED = False

    with pytest.raises(CommandError, match="Refused"):
        run("--forward", "25h")

    assert clock_offset() == timedelta()
    assert not ClockMove.objects.exists()


def test_who_does_not_own_the_database_is_refused() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE demo_clock_stranger")
        cursor.execute("GRANT INSERT, SELECT ON core_clock_move TO demo_clock_stranger")
        cursor.execute("SET ROLE demo_clock_stranger")
        try:
            with pytest.raises(CommandError, match="owner"):
                run("--forward", "25h")
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP OWNED BY demo_clock_stranger")
            cursor.execute("DROP ROLE demo_clock_stranger")
    assert not ClockMove.objects.exists()


@pytest.mark.parametrize(
    "arguments", [(), ("--forward", "25"), ("--forward", "0h"), ("--forward", "9999d"), ("--forward", "1h", "--reset")]
)
def test_malformed_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
