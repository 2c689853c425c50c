"""The rounds as beat and the command start them, and the round that follows when the circuit breaker closes."""

import os
import signal
import threading
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from core import dispatch
from core.errors import QueueBusy
from loyalty import apps, tasks
from loyalty.client import run, running
from loyalty.services import rounds
from loyalty.services.figures import Backlog, backlog
from loyalty.tests.features import Feature
from loyalty.tests.remote import Remote
from loyalty.tests.test_outbox import queued
from tests.clock import Clock
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_command_does_the_rounds_of_beat(remote: Remote, feature: Feature, clock: Clock) -> None:
    alice = person()
    remote.balances[str(alice.pk)] = 500
    feature.open(alice)
    queued(alice)
    clock.shift(seconds=10)
    written = StringIO()

    call_command("loyalty_rounds", "--once", stdout=written)

    assert written.getvalue().strip() == "reconciled=1 earned=0 delivered=2 followed=0"
    assert remote.balances[str(alice.pk)] == 650


def test_the_command_goes_on_after_a_failed_round_until_it_is_told_to_end(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(person())
    before = signal.getsignal(signal.SIGTERM)
    failed: list[bool] = []

    def reconcile() -> int:
        if failed:
            os.kill(os.getpid(), signal.SIGTERM)
            return 0
        failed.append(True)
        raise QueueBusy

    monkeypatch.setattr(rounds, "reconcile", reconcile)
    try:
        call_command("loyalty_rounds", "--every", "0.01")
    finally:
        signal.signal(signal.SIGTERM, before)

    assert failed
    assert remote.count("credit") == 1


def test_the_command_compares_yesterday(remote: Remote) -> None:
    written = StringIO()

    call_command("loyalty_rounds", "--compare", stdout=written)

    assert written.getvalue().strip() == "compared=0"


def test_a_forked_process_has_a_client_of_its_own(remote: Remote) -> None:
    alice = person().pk
    remote.balances[str(alice)] = 7
    assert run(lambda client: client.balance(alice)).balance == 7
    parents = running._running

    running._forget()

    assert run(lambda client: client.balance(alice)).balance == 7
    assert running._running is not parents
    assert parents is not None
    parents.close()


def test_the_tasks_do_the_same(remote: Remote) -> None:
    queued(person())

    assert (tasks.deliver(), tasks.reconcile(), tasks.earn(), tasks.follow_events(), tasks.compare()) == (1, 0, 0, 0, 0)


def test_the_rounds_do_nothing_while_points_live_here(transactional_db: None) -> None:
    queued(person())

    assert settings.LOYALTY_BACKEND == "local"
    assert (tasks.deliver(), tasks.reconcile(), tasks.earn(), tasks.compare()) == (0, 0, 0, 0)
    assert not [name for name in settings.CELERY_BEAT_SCHEDULE if name.startswith("loyalty")]


def test_reconciliation_is_asked_for_when_the_breaker_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, done = [], threading.Event()

    def request_run(task: str) -> bool:
        asked.append(task)
        done.set()
        return True

    monkeypatch.setattr(dispatch, "request_run", request_run)
    for state in ("open", "half-open", "closed"):
        apps._reconcile_once_closed(state)

    assert done.wait(5)
    assert asked == ["loyalty.reconcile"]


def test_what_waits_is_counted_with_its_age(remote: Remote, clock: Clock) -> None:
    alice = person()
    assert backlog() == Backlog(0, 0.0, 0, 0.0, 0)
    remote.befalls("credit", "code:INVALID_USER", *["drop_after"] * 3)
    for _ in range(2):
        queued(alice)
    with override_settings(LOYALTY_BACKEND="redroomrewards"):
        tasks.deliver()
    clock.shift(seconds=50)

    now = backlog()

    assert (now.outbox, now.unknown, now.dead) == (1, 1, 1)
    assert 50 <= now.outbox_oldest_s < 60
    assert 50 <= now.unknown_oldest_s < 60
