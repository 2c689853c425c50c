"""What the tables of figures, steps and archives refuse, whoever writes."""

from hashlib import sha256
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role
from core.db import rows
from core.ids import new_id
from slots.models import Game, Paytable, SlotState
from slots.tests.factories import play, player
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)

STEP = """
INSERT INTO slots_paytablestep (id, paytable_id, from_status, to_status, reason)
VALUES (%(id)s, %(table)s, %(old)s, %(new)s, %(reason)s)
"""
REOPENING = """
INSERT INTO slots_reopening (id, game_id, asked_by_id, reason, decided_by_id, decided_at, approved)
VALUES (%(id)s, %(game)s, %(asker)s, %(reason)s, %(decider)s, %(at)s, %(approved)s)
"""
REVIEW = """
INSERT INTO slots_reviewrequest (id, paytable_id, asked_id, asked_by_id)
VALUES (%(id)s, %(table)s, %(asked)s, %(asker)s)
"""
LOOK = """
INSERT INTO slots_look (id, paytable_digest, counted_from, spins, staked, paid, z, verdict)
VALUES (%(id)s, %(digest)s, %(start)s, %(spins)s, 0, 0, 0.5, %(verdict)s)
"""
ARCHIVE = """
INSERT INTO slots_archive (id, month, spins, first_id, last_id, folder, list_sha256, signature, key_id)
VALUES (%(id)s, %(month)s, %(spins)s, %(first)s, %(last)s, 'x', %(hash)s, %(signature)s, 'k')
"""


def run(sql: str, **params: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params or None)


def refused(sql: str, **params: Any) -> str:
    """The name of what refuses the statement, or the trigger's text."""
    with pytest.raises(IntegrityError) as caught:
        run(sql, **params)
    cause: Any = caught.value.__cause__
    return cause.diag.constraint_name or str(cause.diag.message_primary)


def test_a_step_of_a_paytable_is_known_and_retiring_has_a_reason() -> None:
    sound = {"table": Paytable.objects.get().pk, "old": "active", "new": "retired", "reason": "Old"}
    run(STEP, id=new_id(), **sound)

    assert refused(STEP, id=new_id(), **sound | {"new": "lost"}) == "slots_paytablestep_status_known"
    assert refused(STEP, id=new_id(), **sound | {"reason": ""}) == "slots_paytablestep_retired_why"
    assert "append-only" in refused("DELETE FROM slots_paytablestep")


def test_a_retired_paytable_may_be_active_again_and_is_then_not_retired() -> None:
    run("UPDATE slots_paytable SET status = 'retired', retired_at = core_now()")
    kept = refused("UPDATE slots_paytable SET status = 'active', activated_at = core_now()")
    run("UPDATE slots_paytable SET status = 'active', activated_at = core_now(), retired_at = NULL")

    assert "never changed" in kept
    assert "does not go from active to approved" in refused("UPDATE slots_paytable SET status = 'approved'")


@pytest.mark.parametrize("approved", [False, True])
def test_a_discarded_paytable_takes_no_further_step(approved: bool) -> None:
    made = Paytable.objects.create(code="x", version=1, canonical="{}", digest=sha256(b"{}").digest())
    run("UPDATE slots_paytable SET status = 'computed', par = '{}' WHERE id = %(id)s", id=made.pk)
    if approved:
        run("UPDATE slots_paytable SET status = 'approved' WHERE id = %(id)s", id=made.pk)
    run("UPDATE slots_paytable SET status = 'retired', retired_at = core_now() WHERE id = %(id)s", id=made.pk)

    for status in ("computed", "approved", "active"):
        text = refused("UPDATE slots_paytable SET status = %(new)s WHERE id = %(id)s", new=status, id=made.pk)
        assert f"does not go from retired to {status}" in text


def test_who_was_asked_to_look_is_another_and_kept() -> None:
    first, second = person(role=Role.GAMES).pk, person(role=Role.GAMES).pk
    sound = {"table": Paytable.objects.get().pk, "asked": second, "asker": first}
    run(REVIEW, id=new_id(), **sound)

    assert refused(REVIEW, id=new_id(), **sound | {"asked": first}) == "slots_reviewrequest_of_another"
    assert "append-only" in refused("DELETE FROM slots_reviewrequest")


def test_a_reopening_is_decided_by_a_second_person_and_one_is_open() -> None:
    first, second = person(role=Role.GAMES).pk, person(role=Role.GAMES).pk
    game = Game.objects.get().pk
    sound = {"game": game, "asker": first, "reason": "Checked", "decider": None, "at": None, "approved": None}
    decided = sound | {"decider": second, "at": "2026-01-01T00:00Z", "approved": True}
    run(REOPENING, id=new_id(), **sound)
    run(REOPENING, id=new_id(), **decided)
    run(REOPENING, id=new_id(), **decided | {"decider": first, "approved": False})

    assert refused(REOPENING, id=new_id(), **sound) == "slots_reopening_one_open"
    assert refused(REOPENING, id=new_id(), **decided | {"decider": first}) == "slots_reopening_four_eyes"
    assert refused(REOPENING, id=new_id(), **decided | {"reason": ""}) == "slots_reopening_has_a_reason"
    assert refused(REOPENING, id=new_id(), **decided | {"at": None}) == "slots_reopening_decided_by_somebody"


def test_a_look_is_taken_once_and_kept() -> None:
    sound = {"digest": b"d" * 32, "start": None, "spins": 10_000, "verdict": "shown"}
    run(LOOK, id=new_id(), **sound)

    assert refused(LOOK, id=new_id(), **sound) == "slots_look_once"
    assert refused(LOOK, id=new_id(), **sound | {"verdict": "maybe"}) == "slots_look_verdict_known"
    assert refused(LOOK, id=new_id(), **sound | {"spins": 0}) == "slots_look_counts_up"
    assert refused(LOOK, id=new_id(), **sound | {"digest": b"d"}) == "slots_look_digest_is_whole"
    assert "append-only" in refused("UPDATE slots_look SET z = 0")


def test_figures_count_up() -> None:
    for sql in (
        "INSERT INTO slots_figure (day, paytable_id, spins, players, staked, paid)"
        " VALUES ('2026-01-01', {}, -1, 0, 0, 0)",
        "INSERT INTO slots_hit (day, paytable_id, kind, hits) VALUES ('2026-01-01', {}, 'pair', -1)",
        "INSERT INTO slots_playday (day, user_id, spins, seconds_played, staked, paid)"
        " VALUES ('2026-01-01', {}, 1, 0, -1, 0)",
    ):
        assert refused(sql.format("gen_random_uuid()")).endswith("_counts_up")


def test_an_archive_is_of_a_month_and_names_its_spins() -> None:
    first, last = new_id(), new_id()
    sound = {
        "month": "2026-01-01", "spins": 2, "first": first, "last": last, "hash": b"h" * 32, "signature": b"s" * 64,
    }  # fmt: skip
    run(ARCHIVE, id=new_id(), **sound)

    assert "month" in refused(ARCHIVE, id=new_id(), **sound)
    assert refused(ARCHIVE, id=new_id(), **sound | {"month": "2026-01-02"}) == "slots_archive_of_a_month"
    assert refused(ARCHIVE, id=new_id(), **sound | {"first": None}) == "slots_archive_names_its_spins"
    assert refused(ARCHIVE, id=new_id(), **sound | {"spins": 0}) == "slots_archive_names_its_spins"
    assert refused(ARCHIVE, id=new_id(), **sound | {"hash": b"h"}) == "slots_archive_bytes_have_their_length"


POINTERS = [f"{window}_{part}" for window in ("day", "week", "month") for part in ("nonce", "at", "staked")]


def test_a_pointer_of_a_state_is_whole() -> None:
    play(user=player())
    SlotState.objects.update(**dict.fromkeys(POINTERS))

    for window in ("day", "week", "month"):
        lone = refused(f"UPDATE slots_slotstate SET {window}_nonce = 0")  # noqa: S608
        assert lone == "slots_state_pointers_are_whole"
        run(f"UPDATE slots_slotstate SET {window}_nonce = 0, {window}_at = core_now(), {window}_staked = 0")  # noqa: S608
    assert refused("UPDATE slots_slotstate SET session_staked = -1") == "slots_state_pointers_are_whole"


def test_what_a_spin_changes_of_a_state_is_in_no_index() -> None:
    """An update of an indexed column writes each index anew, and the row into another place."""
    indexed = {row["name"] for row in rows(
        "SELECT a.attname AS name FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
        " AND a.attnum = ANY (i.indkey) WHERE i.indrelid = 'slots_slotstate'::regclass"
    )}  # fmt: skip

    assert indexed == {"user_id", "paytable_id"}
