"""The rules that the database keeps: partitions, append-only spins, the steps of a paytable."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from compliance.errors import GameDisabled
from core.db import rows
from core.ids import new_id
from slots import services
from slots.errors import ReferenceMismatch
from slots.models import Game, Paytable, PaytableStatus, Spin
from slots.services import paytables
from slots.services.paytables import active_paytable
from slots.tasks import make_partitions
from slots.tests.factories import play, player
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
MIDDLE_OF_MARCH_2031 = UUID("01c1a9b0-0000-7000-8000-000000000000")


def partitions() -> list[str]:
    found = rows(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'slots_spin'::regclass ORDER BY 1"
    )
    return [row["relname"] for row in found]


def execute(sql: str, params: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


@pytest.fixture
def spin() -> Spin:
    return Spin.objects.get(pk=play(user=player(), bet=100).spin.id)


# --- partitions ---------------------------------------------------------------------------------------------


def test_this_months_and_the_next_two_partitions_are_there() -> None:
    (months,) = rows(
        "SELECT array_agg(to_char(clock_timestamp() AT TIME ZONE 'UTC' + make_interval(months => n), 'YYYYMM')) AS due"
        " FROM generate_series(0, 2) n"
    )

    assert {f"slots_spin_{month}" for month in months["due"]} <= set(partitions())
    assert make_partitions() == 0


@pytest.fixture
def other_months() -> Iterator[list[str]]:
    before = partitions()
    execute("SELECT slots_make_partitions(%s, 14)", [MIDDLE_OF_MARCH_2031])
    made = sorted(set(partitions()) - set(before))
    yield made
    for name in made:
        execute(f"DROP TABLE {name}")


def test_partitions_follow_each_other_without_a_gap_over_the_year(other_months: list[str]) -> None:
    moment = rows("SELECT to_char(slots_id_moment(%s), 'YYYYMM') AS month", [MIDDLE_OF_MARCH_2031])[0]["month"]
    bounds = rows(
        "SELECT pg_get_expr(relpartbound, oid) AS bound FROM pg_class WHERE relname = ANY (%s) ORDER BY relname",
        [other_months],
    )
    pairs = [row["bound"].removeprefix("FOR VALUES FROM ").split(" TO ") for row in bounds]

    assert len(other_months) == 14
    assert other_months[0] == f"slots_spin_{moment}"
    assert [end for _, end in pairs[:-1]] == [start for start, _ in pairs[1:]]


def test_the_first_and_the_last_millisecond_of_a_month_lie_in_it(other_months: list[str]) -> None:
    for name in other_months:
        month = name.removeprefix("slots_spin_")
        (row,) = rows(
            "SELECT slots_id_floor(start) AS first,"
            " slots_id_floor(start + interval '1 month' - interval '1 ms') AS last"
            " FROM (SELECT to_timestamp(%s || '01', 'YYYYMMDD') AS start) AS x",
            [month],
        )
        for moment in (row["first"], row["last"]):
            assert rows("SELECT to_char(slots_id_moment(%s), 'YYYYMM') AS month", [moment])[0]["month"] == month
        with transaction.atomic():
            copy_of_a_spin(row["first"], nonce=0)
            copy_of_a_spin(row["last"], nonce=1)
            assert rows(f"SELECT count(*) AS spins FROM {name}")[0]["spins"] == 2  # noqa: S608  names are ours
            transaction.set_rollback(True)


def copy_of_a_spin(spin_id: UUID, *, nonce: int, user_id: UUID | None = None) -> None:
    execute(
        "INSERT INTO slots_spin VALUES (%s, %s, %s, core_now(), 100, 0, 0, '{a,b,c}', %s, %s, %s, %s, '', %s, true,"
        " NULL, %s, %s, 100, 0, 100, 0, %s)",
        [spin_id, user_id or UUID(int=7), nonce, new_id(), *[bytes(32)] * 3, bytes(16), new_id(), new_id(), bytes(32)],
    )


def test_an_id_without_a_partition_is_refused() -> None:
    with pytest.raises(IntegrityError, match="no partition"):
        copy_of_a_spin(MIDDLE_OF_MARCH_2031, nonce=0)


def test_a_nonce_is_stored_once_in_a_partition(spin: Spin) -> None:
    with pytest.raises(IntegrityError, match="nonce_once"):
        copy_of_a_spin(new_id(), nonce=spin.nonce, user_id=spin.user_id)


def test_the_clock_of_a_test_moves_no_partition(clock: Any) -> None:
    clock.shift(days=200)

    assert services.make_partitions() == 0
    assert play(user=player(), bet=100).spin.nonce == 0


# --- append only --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {} SET payout = 250000",
        "UPDATE {} SET payout = 0 WHERE false",
        "DELETE FROM {}",
        "TRUNCATE {}",
    ],
)
def test_no_spin_is_ever_changed_in_any_partition(spin: Spin, change: str) -> None:
    for table in ["slots_spin", *partitions()]:
        with pytest.raises(IntegrityError, match="append-only"):
            execute(change.format(table))

    assert Spin.objects.get(id=spin.id).payout == spin.payout


def test_a_state_cannot_be_moved_on_from_where_it_is_not(spin: Spin) -> None:
    changes = {"id": str(new_id()), "nonce": 5, "sealed_seed": "\\x" + "00" * 60, "session_net": 0, "user_agent": ""}

    with pytest.raises(IntegrityError, match="not where its spin found it"):
        execute(
            "SELECT slots_store(jsonb_build_array(to_jsonb(s) || %s::jsonb)) FROM slots_spin s WHERE id = %s",
            [json.dumps(changes), spin.id],
        )

    assert Spin.objects.count() == 1


# --- paytables ----------------------------------------------------------------------------------------------


def draft(**changes: Any) -> Paytable:
    """A new version with the reference's rules but one pay."""
    canonical = active_paytable().canonical.replace('"version":1', '"version":2')
    (row,) = rows("SELECT sha256(convert_to(%s, 'UTF8')) AS digest", [canonical])
    usual = {"code": "classic-95", "version": 2, "canonical": canonical, "digest": row["digest"]}
    return Paytable.objects.create(**{**usual, "declared_rtp": "19/20", **changes})


def test_the_reference_paytable_is_active_with_its_sheet_and_is_seeded_once() -> None:
    services.seed_reference()
    services.seed_reference()
    table = Paytable.objects.get()

    assert (table.code, table.version, table.status, table.declared_rtp) == ("classic-95", 1, "active", "19/20")
    assert table.par is not None
    assert (table.par["rtp"], table.par["variance"]) == ("19/20", "67033/4000")
    assert Game.objects.get().enabled


def test_a_table_that_staff_put_in_play_stays_there() -> None:
    other = draft()
    Paytable.objects.filter(status=PaytableStatus.ACTIVE).update(status=PaytableStatus.RETIRED)
    take_all_steps(other)

    services.seed_reference()

    assert active_paytable().id == other.id


def test_without_an_active_paytable_the_machine_is_closed() -> None:
    Paytable.objects.update(status=PaytableStatus.RETIRED)

    with pytest.raises(GameDisabled):
        services.config()
    with pytest.raises(GameDisabled):
        play(user=player(), bet=100)


def test_an_altered_paytable_file_is_not_put_in_play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = json.loads((paytables.FILES / "classic-95.json").read_text())
    file["table"]["pair"]["cherry"] = 160
    (tmp_path / "classic-95.json").write_text(json.dumps(file))
    monkeypatch.setattr(paytables, "FILES", tmp_path)
    Paytable.objects.update(status=PaytableStatus.RETIRED)

    with pytest.raises(ReferenceMismatch):
        services.seed_reference()

    assert Paytable.objects.count() == 1
    monkeypatch.undo()


def take_all_steps(table: Paytable) -> None:
    mine = Paytable.objects.filter(id=table.id)
    mine.update(status=PaytableStatus.COMPUTED, par={})
    mine.update(status=PaytableStatus.APPROVED)
    mine.update(status=PaytableStatus.ACTIVE)


def test_one_paytable_is_active_at_a_time() -> None:
    with pytest.raises(IntegrityError, match="slots_paytable_one_active"):
        take_all_steps(draft())


@pytest.mark.parametrize(
    "change",
    [
        {"canonical": "{}"},
        {"digest": bytes(32)},
        {"code": "other"},
        {"version": 9},
        {"declared_rtp": "1"},
        {"par": {}},
        {"status": PaytableStatus.DRAFT},
        {"status": PaytableStatus.APPROVED},
        {"status": PaytableStatus.ACTIVE},
        {"status": PaytableStatus.RETIRED, "canonical": "{}"},
        {"status": PaytableStatus.RETIRED, "par": {}},
    ],
)
def test_a_paytable_is_never_changed(change: dict[str, Any]) -> None:
    before = Paytable.objects.values().get()

    with pytest.raises(IntegrityError):
        Paytable.objects.update(**change)

    assert Paytable.objects.values().get() == before


@pytest.mark.parametrize("removal", ["DELETE FROM slots_paytable", "TRUNCATE slots_paytable CASCADE"])
def test_a_paytable_is_never_removed(removal: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        execute(removal)


@pytest.mark.parametrize(
    "born",
    [
        {"status": PaytableStatus.ACTIVE, "par": {}},
        {"status": PaytableStatus.COMPUTED, "par": {}},
        {"par": {}},
        {"digest": bytes(32)},
    ],
)
def test_a_paytable_starts_as_a_draft_with_its_own_digest(born: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        draft(**born)


def test_nobody_approves_his_own_paytable() -> None:
    author = person(role="games")
    mine = Paytable.objects.filter(id=draft(created_by=author).id)
    mine.update(status=PaytableStatus.COMPUTED, par={})

    with pytest.raises(IntegrityError, match="slots_paytable_four_eyes"):
        mine.update(status=PaytableStatus.APPROVED, approved_by=author)

    assert mine.update(status=PaytableStatus.APPROVED, approved_by=person(role="games")) == 1
