"""The figures of `/metrics`, and who may read them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from perfqueue import services
from tests.clock import Clock
from tests.world import buy, performer, person
from xxxchat import metrics
from xxxchat.stack.ports import free_ports


def figures() -> dict[str, float]:
    """Each sample by its name and labels."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    lines = [line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


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
    name = 'django_http_responses_total_by_status_view_method_total{method="GET",status="401",view="accounts.api.Me"}'
    before = figures().get(name, 0)

    Client().get("/api/v1/me")

    assert figures()[name] == before + 1


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

    metrics._forget_ended_processes(tmp_path)

    assert list(tmp_path.iterdir()) == [alive]


def test_a_token_may_be_required(transactional_db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = "only-for-prometheus"

    assert Client().get("/metrics").status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer only-for-prometheus"}).status_code == 200
    assert Client().post("/metrics").status_code == 405
