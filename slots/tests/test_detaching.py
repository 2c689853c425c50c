"""Old months leave the table once archived without defects; chains, totals and proofs go on across the border."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.urls import reverse

from accounts.models import User
from compliance.models import Marker
from core.db import rows
from slots import services
from slots.errors import SpinArchived
from slots.models import Archive, ArchivedPlayer, Spin
from slots.services import counting, detaching
from slots.services.archiving import id_bounds
from slots.tests.factories import play, player, state_of
from slots.tests.months import next_month  # noqa: F401  a fixture
from slots.tests.planting import plant
from slots.tests.test_archives import verified
from slots.tests.test_verifying import tamper
from tests.interleaving import Concurrent
from tests.racing import race
from tests.world import client_of
from xxxchat.guarding import guard
from xxxchat.pages.tests.visiting import html, visitor

pytestmark = pytest.mark.django_db(transaction=True)
Go = Callable[[], date]
_ATTACHED = """
SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'slots_spin'::regclass ORDER BY 1
"""
_TABLES = """
SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE tablename ~ '^slots_spin_[0-9]+$' ORDER BY 1
"""


def attached() -> list[str]:
    return [row["name"] for row in rows(_ATTACHED)]


def tables() -> list[str]:
    return [row["name"] for row in rows(_TABLES)]


def count_in(table: str) -> int:
    return int(rows(f"SELECT count(*) AS n FROM {table}")[0]["n"])  # noqa: S608  a name of ours


def later_id() -> UUID:
    """An id of the month that the test has gone to."""
    ids: Any = detaching
    made: UUID = ids.new_id()
    return made


def table_of(month: date) -> str:
    return f"slots_spin_{month:%Y%m}"


@pytest.fixture(autouse=True)
def _partitions(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> Iterator[None]:
    """Archives in a folder of the test; partitions as they were, afterwards."""
    settings.ARCHIVE_FOLDER = str(tmp_path / "archives")
    settings.SLOTS_MIN_INTERVAL_MS, settings.SLOTS_SPINS_PER_HOUR = 0, 0
    monkeypatch.setattr(counting, "MARGIN", timedelta(days=-1_000))  # ids of months to come are counted
    before = attached()
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS archived CASCADE")
        for name in {row["name"].partition(".")[2] for row in rows(_TABLES)} - set(before):
            cursor.execute(f"DROP TABLE {name}")
    monkeypatch.undo()
    services.make_partitions()
    assert attached() == before


@pytest.fixture
def alice() -> User:
    return player()


@pytest.fixture
def first(alice: User, next_month: Go) -> date:  # noqa: F811
    """A month with three spins of hers and one of somebody else, the next with two; 18 months later she spins again.

    All months that are over are archived. Returns the first of them.
    """
    for user in (alice, alice, player(), alice):
        play(user=user)
    second = next_month()
    for _ in range(2):
        play(user=alice)
    for _ in range(17):
        next_month()
        services.make_partitions()
    play(user=alice)
    services.archive_spins()
    month = (second - timedelta(days=1)).replace(day=1)
    assert Archive.objects.get(month=month).checked_at is not None
    return month


def test_the_oldest_month_leaves_and_twenty_stay(first: date) -> None:
    assert len(attached()) == 21

    assert services.detach_months() == [first]

    assert len(attached()) == 20
    assert f"archived.{table_of(first)}" in tables()
    assert f"public.{table_of(first)}" not in tables()
    assert count_in(f"archived.{table_of(first)}") == 4
    assert Archive.objects.get(month=first).detached_at is not None
    assert services.detach_months() == [], "once"


def test_dropped_tables_are_gone_and_the_archive_restores_them(first: date, settings: Any) -> None:
    settings.DETACHED_SPINS = "drop"

    services.detach_months()

    assert not [name for name in tables() if table_of(first) in name]
    assert services.check_archives() == []
    assert services.restore_spins(first) == f"archived.{table_of(first)}"
    assert count_in(f"archived.{table_of(first)}") == 4


def test_chains_totals_and_draws_are_verified_across_the_border(first: date, alice: User) -> None:
    services.detach_months()
    play(user=alice)

    assert services.verify() == []
    end = ArchivedPlayer.objects.get(user_id=alice.pk)
    assert (end.nonce, state_of(alice).nonce) == (3, 7)
    assert Spin.objects.filter(user_id=alice.pk).count() == 4


@pytest.mark.tampers
def test_a_spin_that_is_missing_behind_the_border_is_a_gap(first: date, alice: User) -> None:
    services.detach_months()

    tamper("DELETE FROM slots_spin WHERE user_id = %s AND nonce = 3", alice.pk)

    assert "GAP" in {finding.check for finding in services.verify()}


def test_pages_say_what_is_in_archives_and_prove_the_rest(first: date, alice: User) -> None:
    gone = Spin.objects.get(user_id=alice.pk, nonce=1)
    kept = Spin.objects.get(user_id=alice.pk, nonce=3)
    before = services.past_totals(user=alice, stretch=services.stretch_of(user=alice))

    services.detach_months()

    archived = services.past_in_archives(user=alice)
    now = services.past_totals(user=alice, stretch=services.stretch_of(user=alice))
    assert archived is not None
    assert (archived.spins, archived.staked, archived.spins + now.spins) == (3, 300, before.spins)
    assert (archived.staked + now.staked, archived.won + now.won) == (before.staked, before.won)
    assert services.past_in_archives(user=player()) is None
    proven = services.proven_spin(user=alice, spin_id=kept.id)
    assert proven.earlier is None
    assert services.commitment(bytes(kept.seed)) == proven.sealed_before
    with pytest.raises(SpinArchived):
        services.spin_of(user=alice, spin_id=gone.id)


def test_the_page_and_the_api_answer_for_a_detached_month(first: date, alice: User) -> None:
    gone = Spin.objects.get(user_id=alice.pk, nonce=1)
    services.detach_months()

    page = html(visitor(alice).get(reverse("slots-history")))
    answer = client_of(alice).get(f"/api/v1/slot-machine/spins/{gone.id}")
    listed = client_of(alice).get("/api/v1/slot-machine/history").json()
    shown = visitor(alice).get(reverse("slots-spin", args=[gone.id]))

    assert "Your 3 spins before" in page
    assert "are in signed archives, not in this list" in page
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SPIN_ARCHIVED")
    assert answer.json()["error"]["details"] == {"month": f"{first:%Y-%m}"}
    assert [each["nonce"] for each in listed["spins"]] == [5, 4, 3]
    assert (shown.status_code, f"Spins of {first:%Y-%m} are in the signed archive" in html(shown)) == (404, True)


def test_figures_agree_with_the_totals_before_and_after(first: date) -> None:
    services.count_spins()
    services.watch()
    assert services.check_figures() == 0

    services.detach_months()

    assert services.check_figures() == 0
    assert services.count_spins() == 0


def test_an_export_and_the_next_archives_begin_where_the_detached_month_ended(
    first: date,
    alice: User,
    next_month: Go,  # noqa: F811
    tmp_path: Path,
) -> None:
    services.detach_months()
    next_month()
    services.make_partitions()
    play(user=alice)

    services.export_spins(tmp_path / "export")
    (archived,) = services.archive_spins()

    assert archived.defects == []
    assert services.check_archives() == []
    assert "0 defects" in verified(tmp_path / "export")


@pytest.mark.parametrize("fault", ["gone", "changed", "never replayed"])
def test_a_month_whose_archive_has_defects_stays(first: date, fault: str, tmp_path: Path) -> None:
    folder = tmp_path / "archives" / f"{first:%Y-%m}"
    if fault == "gone":
        shutil.rmtree(folder)
    elif fault == "changed":
        (folder / "players.ndjson.gz").write_bytes(b"")
    else:
        Archive.objects.filter(month=first).delete()

    assert services.detach_months() == []

    assert table_of(first) in attached()
    assert Marker.objects.filter(kind="archive_defect", subject=f"{first:%Y-%m}").exists() is (
        fault != "never replayed"
    )


@pytest.mark.tampers
def test_a_month_with_other_spins_than_were_archived_stays(first: date, alice: User) -> None:
    low, _ = id_bounds(first)
    (strange,) = plant(player(), [0])
    tamper("UPDATE slots_spin SET id = %s WHERE id = %s", low, strange)

    with pytest.raises(IntegrityError, match="not those that were archived"):
        services.detach_months()

    assert table_of(first) in attached()


def test_the_database_detaches_no_recent_month_whoever_asks(first: date) -> None:
    second = (first + timedelta(days=40)).replace(day=1)

    with pytest.raises(IntegrityError, match="must stay attached"), transaction.atomic():
        rows(
            "SELECT slots_detach_partition(p_now_id => %s, p_month => %s, p_keep => false)::text",
            [later_id(), second],
        )

    assert table_of(second) in attached()


def test_the_end_of_detached_spins_never_moves_back(first: date, alice: User) -> None:
    services.detach_months()

    for change in ("UPDATE slots_archivedplayer SET nonce = 1", "DELETE FROM slots_archivedplayer"):
        with pytest.raises(IntegrityError), connection.cursor() as cursor:
            cursor.execute(change)


def test_a_role_that_does_not_own_the_table_detaches_by_the_database(
    first: date, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detaching, "_OWNS", "SELECT false AS owns")

    assert services.detach_months() == [first]

    assert len(attached()) == 20
    assert services.verify() == []


def test_the_guarded_role_detaches_by_the_function_and_not_by_itself(first: date) -> None:
    role = f"guarded_{connection.settings_dict['NAME']}"
    by_itself = f"ALTER TABLE slots_spin DETACH PARTITION {table_of(first)}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{role}"')
        guard(role)
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        with pytest.raises(ProgrammingError, match="must be owner"), transaction.atomic():
            cursor.execute(by_itself)

        rows(
            "SELECT slots_detach_partition(p_now_id => %s, p_month => %s, p_keep => true)::text",
            [later_id(), first],
        )

        assert table_of(first) not in attached()
        transaction.set_rollback(True)
    assert table_of(first) in attached()


def test_it_waits_a_second_at_most_for_a_spin_that_runs_and_tries_again(
    first: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detaching, "_OWNS", "SELECT false AS owns")

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE slots_spin IN ROW EXCLUSIVE MODE")
        assert Concurrent(services.detach_months).result() == []

    assert len(attached()) == 21
    assert services.detach_months() == [first]


def test_a_concurrent_detaching_that_was_interrupted_is_finished(first: date) -> None:
    with transaction.atomic():
        assert count_in(table_of(first)) == 4
        assert Concurrent(services.detach_months).result() == [], (
            "somebody reads it for longer than locks are waited for"
        )
    assert rows("SELECT count(*) AS n FROM pg_inherits WHERE inhdetachpending") == [{"n": 1}]

    assert services.detach_months() == [first]

    assert len(attached()) == 20
    assert services.verify() == []


def test_one_that_was_detached_and_not_put_away_is_put_away(first: date) -> None:
    rows("SELECT slots_detachable(p_now_id => %s, p_month => %s)", [later_id(), first])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE slots_spin DETACH PARTITION {table_of(first)}")
    assert services.verify() == []

    assert services.detach_months() == [first]

    assert f"archived.{table_of(first)}" in tables()


def test_spins_go_on_while_a_month_is_detached(first: date, alice: User) -> None:
    users = [player() for _ in range(3)]

    def spins(user: User) -> int:
        return len([play(user=user) for _ in range(10)])

    detached, *spun = race(services.detach_months, *[lambda user=user: spins(user) for user in users])

    assert detached == [first]
    assert spun == [10] * 3
    assert services.verify() == []


def test_the_command_says_what_it_detached(first: date) -> None:
    said = []
    for _ in range(2):
        output = StringIO()
        call_command("detach_spins", stdout=output)
        said.append(output.getvalue())

    assert said[0] == f"{first:%Y-%m}: detached\n"
    assert said[1].startswith("Nothing was detached")


def test_what_is_exported_of_a_person_says_where_detached_spins_end(first: date, alice: User) -> None:
    services.detach_months()

    sections = {each.name: list(each.rows) for each in services.own_data(alice.pk)}

    assert [row["nonce"] for row in sections["spinsInArchives"]] == [3]
    assert len(sections["spins"]) == 3
