"""The figures of `/metrics`, and who may read them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from core.idempotency import OUTCOMES, once
from perfqueue import services
from slots.tests.factories import play
from tests.clock import Clock
from tests.world import buy, client_of, performer, person
from xxxchat.metrics import state, view
from xxxchat.stack.ports import free_ports


def figures() -> dict[str, float]:
    """Each sample by its name and labels."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    lines = [line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def settled(figures: dict[str, float], outcome: str) -> float:
    """How many settlements had that outcome."""
    return figures[f'xxxchat_settlement_seconds_count{{outcome="{outcome}"}}']


def test_the_state_of_all_queues(clock: Clock) -> None:
    ruby, jade, alice = performer(rope_drop_s=60), performer(), person(tokens=1_000)
    staged, _ = buy(alice, ruby, 100), buy(alice, ruby, 50)
    late = buy(alice, jade, 30)
    services.start(item_id=staged.id, actor=ruby)
    services.pause_queue(performer_id=ruby.pk, actor=ruby)
    clock.shift(seconds=121)

    answers = figures()

    assert answers["xxxchat_up"] == 1
    assert [answers[f'xxxchat_queue_items{{state="{state}"}}'] for state in ("created", "started", "abandoned")] == [
        2,
        1,
        0,
    ]
    assert [answers[f'xxxchat_queues{{is="{what}"}}'] for what in ("open", "paused", "away")] == [2, 1, 0]
    assert answers["xxxchat_queue_held_tokens"] == 180
    assert answers["xxxchat_queue_overdue_items"] == 1
    assert 121 <= answers["xxxchat_queue_oldest_wait_seconds"] < 130
    assert answers["xxxchat_ledger_open_findings"] == 0
    assert late.state == "created"


def test_an_empty_product_has_figures_too(transactional_db: None) -> None:
    answers = figures()

    assert answers["xxxchat_queue_held_tokens"] == 0
    assert "xxxchat_queue_oldest_wait_seconds" not in answers


def test_requests_are_counted_by_endpoint(transactional_db: None) -> None:
    name = (
        'django_http_responses_total_by_status_view_method_total{method="GET",status="401",view="compliance.api.me.Me"}'
    )
    before = figures().get(name, 0)

    Client().get("/api/v1/me")

    assert figures()[name] == before + 1


def strange_requests(turn: int) -> None:
    for method in (f"BREW{turn}", "X" * 60 + str(turn), "get"):
        for path in (f"/nowhere/{turn}", f"/api/v1/me?x={turn}", f"/performer/{turn}", "/livez", "/"):
            Client(headers={"User-Agent": f"odd/{turn}"}).generic(method, path)


def test_a_stranger_creates_no_series(transactional_db: None) -> None:
    strange_requests(0)
    before = set(figures())

    strange_requests(1)

    assert set(figures()) == before


@pytest.mark.parametrize("name", ["spin", "purchase", "settlement"])
def test_each_outcome_of_a_measured_command_has_a_series_from_the_start(transactional_db: None, name: str) -> None:
    answers = figures()

    assert all(f'xxxchat_{name}_seconds_count{{outcome="{outcome}"}}' in answers for outcome in OUTCOMES)


def test_commands_are_timed_by_outcome(transactional_db: None) -> None:
    ruby, alice = performer(), person(tokens=100)
    before = figures()
    item = buy(alice, ruby, 30)
    services.start(item_id=item.id, actor=ruby)
    client, address = client_of(ruby), f"/api/v1/queue/items/{item.id}/finish"
    answers = [
        client.post(address, {}, format="json", headers={"Idempotency-Key": each}).status_code
        for each in ("first-finish", "first-finish", "second-finish")
    ]

    after = figures()

    assert answers == [200, 200, 409]
    grown = {outcome: settled(after, outcome) - settled(before, outcome) for outcome in OUTCOMES}
    assert grown == {"done": 1, "replayed": 0, "refused": 1, "failed": 0}
    took = 'xxxchat_settlement_seconds_sum{outcome="done"}'
    assert after[took] > before[took]


def test_a_command_that_breaks_counts_as_failed(transactional_db: None) -> None:
    before = figures()

    with pytest.raises(ZeroDivisionError):
        once(
            caller=person().pk,
            operation="queue.finish",
            key="breaks-once",
            fingerprint=b"\0" * 32,
            work=lambda: 1 // 0,
            render=str,
        )

    assert settled(figures(), "failed") == settled(before, "failed") + 1


def opened() -> User:
    """A performer who has just opened her queue."""
    user = performer()
    services.configure(performer_id=user.pk, is_open=False)
    services.open_queue(performer_id=user.pk, actor=user)
    return user


def test_the_time_on_stage_by_the_time_open(clock: Clock) -> None:
    ruby, jade, alice = opened(), opened(), person(tokens=100)
    staged = buy(alice, ruby, 30)
    clock.shift(seconds=100)
    services.start(item_id=staged.id, actor=ruby)
    clock.shift(seconds=60)
    services.finish(item_id=staged.id, actor=ruby)
    clock.shift(seconds=40)
    services.close_queue(performer_id=jade.pk, actor=jade)
    clock.shift(seconds=200)

    ratio = figures()["xxxchat_queue_utilisation_ratio"]  # ruby: 60 s of 400, jade: 0 of 200

    assert ratio == pytest.approx(60 / 600, rel=0.05)


def test_a_performance_of_more_than_an_hour_ago_does_not_count(clock: Clock) -> None:
    ruby, alice = opened(), person(tokens=100)
    staged = buy(alice, ruby, 30)
    services.start(item_id=staged.id, actor=ruby)
    services.finish(item_id=staged.id, actor=ruby)
    clock.shift(seconds=7_200)

    assert figures()["xxxchat_queue_utilisation_ratio"] == 0


def test_without_an_open_queue_there_is_no_utilisation(transactional_db: None) -> None:
    person()

    assert "xxxchat_queue_utilisation_ratio" not in figures()


def test_points_tokens_and_spins(transactional_db: None) -> None:
    ruby, alice, bob = performer(), person(tokens=100, points=1_000), person(points=500)
    buy(alice, ruby, 30)
    won = sum(play(user=each, bet=100).spin.payout for each in (alice, bob))

    answers = figures()

    assert answers["xxxchat_tokens_held"] == 30
    assert answers["xxxchat_points_in_circulation"] == 1_500 - 200 + won
    assert answers["xxxchat_spins_per_player_day"] == 1


def test_a_costly_figure_is_read_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    reads = []

    def read() -> float:
        reads.append(now[0])
        now[0] += 2.0
        return float(len(reads))

    figure = state.Costly(read)

    assert [figure.value(), figure.value()] == [1, 1]
    now[0] += 99
    assert figure.value() == 1
    now[0] += 1
    assert figure.value() == 2


def test_without_a_database_it_reports_that(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", str(free_ports(1)[0]))
        answers = figures()
    connection.close()

    assert answers["xxxchat_up"] == 0
    assert "xxxchat_queue_held_tokens" not in answers


def test_a_process_that_died_is_forgotten_with_its_live_gauges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    dead, alive = (tmp_path / f"gauge_livemax_{pid}.db" for pid in (gone.pid, os.getpid()))
    for file in (dead, alive):
        file.touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    view._forget_ended_processes(tmp_path)

    assert list(tmp_path.iterdir()) == [alive]


def test_in_production_it_is_closed_until_a_token_is_set(transactional_db: None, settings: Any) -> None:
    settings.RELAXED, settings.METRICS_TOKEN = False, ""

    assert Client().get("/metrics").status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_a_token_may_be_required(transactional_db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = "only-for-prometheus"

    assert Client().get("/metrics").status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer only-for-prometheus"}).status_code == 200
    assert Client().post("/metrics").status_code == 405
