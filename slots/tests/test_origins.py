"""Where a spin was asked from is kept apart from it, for 180 days, and nowhere else."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from core.db import rows
from core.idempotency import Answer
from core.origin import Origin
from slots import services
from slots.models import Spin, SpinOrigin
from slots.services import origins
from slots.tasks import prune_origins
from slots.tests.factories import SPIN, asked, play, player, together
from tests.cleaning import TABLES
from tests.clock import Clock
from tests.world import client_of, key

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS, AGENT = "203.0.113.77", 'Peculiar/1.0 ("quoted", {braces}, back\\slash)'


def test_the_ordinary_path_keeps_the_origin_apart() -> None:
    user = player()

    response = client_of(user).post(
        SPIN, {"betAmount": 100}, format="json", headers=key() | {"User-Agent": AGENT}, REMOTE_ADDR=ADDRESS
    )

    (origin,) = SpinOrigin.objects.all()
    assert (str(origin.spin_id), origin.user_id) == (response.json()["spinId"], user.pk)
    assert (origin.address, origin.user_agent) == (ADDRESS, AGENT)
    assert origin.at == Spin.objects.get().at


def test_a_batch_keeps_the_origin_of_each_spin() -> None:
    given = {
        player(): Origin(region="DEMO", address="2001:db8::7", user_agent=AGENT),
        player(): Origin(region="DEMO", address=None, user_agent=""),
    }
    for user in given:
        services.fairness(user=user)

    assert {type(each) for each in together(*(replace(asked(user), origin=given[user]) for user in given))} == {Answer}

    found = {origin.user_id: (origin.address, origin.user_agent) for origin in SpinOrigin.objects.all()}
    assert found == {user.pk: (origin.address, origin.user_agent) for user, origin in given.items()}
    assert set(SpinOrigin.objects.values_list("spin_id", flat=True)) == set(Spin.objects.values_list("pk", flat=True))


def test_address_and_user_agent_are_in_no_other_table_and_in_no_log(caplog: Any, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    user = player()

    client_of(user).post(
        SPIN, {"betAmount": 100}, format="json", headers=key() | {"User-Agent": AGENT}, REMOTE_ADDR=ADDRESS
    )

    assert SpinOrigin.objects.count() == 1
    for table in (row["name"] for row in rows(TABLES)):
        (found,) = rows(f"SELECT count(*) AS kept FROM {table} t WHERE t::text ~ '203.0.113.77|Peculiar'")  # noqa: S608
        assert found["kept"] == (1 if table == "slots_spinorigin" else 0), table
    told = capfd.readouterr()
    assert not [text for text in (caplog.text, told.out, told.err) if ADDRESS in text or "Peculiar" in text]


def test_origins_are_gone_after_180_days_and_spins_stay(clock: Clock) -> None:
    user = player()
    play(user=user)
    clock.shift(days=179, hours=23)
    play(user=user)
    assert prune_origins() == 0

    clock.shift(hours=2)

    assert prune_origins() == 1
    assert SpinOrigin.objects.get().spin_id == Spin.objects.get(nonce=1).pk
    assert Spin.objects.count() == 2


def test_a_round_deletes_in_batches_and_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "BATCH_ROWS", 2)
    monkeypatch.setattr(origins, "MAX_BATCHES", 2)
    user = player()
    for _ in range(5):
        play(user=user)
    clock.shift(days=181)

    assert [prune_origins(), prune_origins(), prune_origins()] == [4, 1, 0]


def test_old_origins_are_found_by_their_key(clock: Clock) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("EXPLAIN " + origins._PRUNE, {"days": origins.KEPT_DAYS, "rows": 10})
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET enable_seqscan")

    assert "Index Cond: (spin_id < slots_id_floor" in plan
