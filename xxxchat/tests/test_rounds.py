"""What beat does at least every hour or for the law runs without beat, too."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.conf import settings
from django.db import connection

from core import rounds
from core.models import RoundState
from slots.models import Aggregated, Figure
from slots.services import counting
from slots.tests.planting import plant
from slots.tests.test_watching import AWRY
from tests.world import person
from xxxchat.rounds import ROUNDS

WAITS_FOR_BEAT = {
    "perfqueue.sweep",  # the sweeper's own
    "xxxchat.verify_all",
    "xxxchat.make_exports",
    "core.prune_keys",
    "core.prune_tokens",
    "accounts.prune_codes",
    "live.prune",
}


COMMAND = "loyalty."
"""The rounds of RedRoomRewards have a command of their own: `manage.py loyalty_rounds`."""


def period(schedule: Any) -> timedelta:
    if isinstance(schedule, crontab):
        return timedelta(days=1)
    return schedule if isinstance(schedule, timedelta) else timedelta(seconds=schedule)


def test_every_periodic_task_is_a_round_of_the_same_period_or_named_here() -> None:
    entries = settings.CELERY_BEAT_SCHEDULE.values()
    beat = {entry["task"]: period(entry["schedule"]) for entry in entries if not entry["task"].startswith(COMMAND)}

    assert {each.name for each in ROUNDS} | WAITS_FOR_BEAT == set(beat)
    assert {each.name: each.every for each in ROUNDS} == {
        each.name: max(beat[each.name], timedelta(minutes=1)) for each in ROUNDS
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("each", ROUNDS, ids=lambda each: each.name)
def test_a_task_claims_its_round_by_its_own_name(each: rounds.Round) -> None:
    assert rounds.late([each]) == [each]

    each.work()

    assert rounds.late([each]) == []
    assert RoundState.objects.get().name == each.name


@pytest.mark.django_db(transaction=True)
@pytest.mark.tampers
def test_figures_are_counted_and_watched_with_neither_beat_nor_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MARGIN", timedelta(0))
    plant(person(), AWRY)
    stopped = threading.Event()
    keeper = threading.Thread(target=rounds.keep, args=(ROUNDS, stopped), kwargs={"every_s": 0.01})
    keeper.start()
    try:
        patience = threading.Event()
        for _ in range(1_000):
            if Aggregated.objects.filter(name="watch").exists():
                break
            patience.wait(0.02)
    finally:
        stopped.set()
        keeper.join(timeout=30)
        connection.close()

    assert not keeper.is_alive()
    assert sum(Figure.objects.values_list("spins", flat=True)) == 200
