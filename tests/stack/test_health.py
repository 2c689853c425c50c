"""The answers of the probes, also with a missing part."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from core.clock import db_now
from core.models import Heartbeat
from escrow import services
from escrow.models import Wallet
from escrow.tests.factories import tampering
from loyalty.services.breakers import note_change
from tests.clock import Clock
from tests.world import person
from xxxchat import verification
from xxxchat.stack.ports import free_ports


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


@pytest.fixture
def swept(transactional_db: None) -> None:
    Heartbeat.objects.create(name="sweeper")


@pytest.fixture
def unreachable_database(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", str(free_ports(1)[0]))
        yield
    connection.close()


@pytest.fixture
def missing_migration(transactional_db: None) -> Iterator[None]:
    row = MigrationRecorder.Migration.objects.get(app="menus", name="0002_rules")
    kept = {"app": row.app, "name": row.name, "applied": row.applied}
    row.delete()
    yield
    MigrationRecorder.Migration.objects.create(**kept)


def test_alive_touches_no_database() -> None:
    answer = Client().get("/livez")  # pytest-django forbids the database to a test that did not ask for it

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


def test_ready_names_every_part(swept: None) -> None:
    status, body = ready()

    assert (status, body["status"]) == (200, "ok")
    assert set(body["parts"]) == {"database", "broker", "sweeper", "ledger", "breaker"}
    assert body["parts"]["sweeper"]["ageS"] < 5


def test_a_stopped_sweeper_degrades(transactional_db: None) -> None:
    assert ready()[1]["parts"]["sweeper"]["status"] == "degraded"

    Heartbeat.objects.create(name="sweeper", at=db_now() - timedelta(minutes=2))
    status, body = ready()

    assert (status, body["status"]) == (200, "degraded")
    assert body["parts"]["sweeper"] == {"status": "degraded", "ageS": pytest.approx(120, abs=5)}


@pytest.mark.tampers
def test_a_finding_of_the_verifier_degrades_until_it_is_gone(swept: None) -> None:
    wallet = Wallet.objects.get(owner=person(tokens=5), currency="TOKEN")
    with tampering():
        Wallet.objects.filter(pk=wallet.pk).update(available=6)
    verification.run(full=True)

    status, body = ready()
    assert (status, body["status"], body["parts"]["ledger"]["openFindings"]) == (200, "degraded", 1)

    with tampering():
        Wallet.objects.filter(pk=wallet.pk).update(available=5)
    verification.run(full=True)
    assert ready()[1]["parts"]["ledger"]["status"] == "ok"


def test_a_stopped_verifier_degrades(swept: None) -> None:
    assert ready()[1]["parts"]["ledger"] == {"status": "ok", "openFindings": 0, "verifiedAgeS": None}
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    services.record_run(since=None, started_at=long_ago, finished_at=long_ago, operations=0, findings=[])

    assert ready()[1]["parts"]["ledger"]["status"] == "degraded"
    verification.run(full=False)
    assert ready()[1]["parts"]["ledger"]["status"] == "ok"


def test_a_missing_broker_degrades(swept: None, settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_ports(1)[0]}/0"

    status, body = ready()

    assert (status, body["status"]) == (200, "degraded")
    assert body["parts"]["broker"] == {"status": "degraded", "reason": "ConnectionError"}


def test_redroomrewards_that_is_not_asked_degrades(swept: None, clock: Clock, settings: Any) -> None:
    settings.LOYALTY_BACKEND, settings.RRR_BREAKER_RESET_S, settings.RRR_TOTAL_TIMEOUT_S = "redroomrewards", 10.0, 2.0
    assert ready()[1]["parts"]["loyalty"] == {"status": "ok", "openBreakers": 0}

    for part in ("commands", "worker"):
        note_change(part, "open").join()
    status, body = ready()
    assert (status, body["status"]) == (200, "degraded")
    assert body["parts"]["loyalty"] == {"status": "degraded", "openBreakers": 2}

    note_change("commands", "half-open").join()
    note_change("commands", "closed").join()
    assert ready()[1]["parts"]["loyalty"]["openBreakers"] == 1
    clock.shift(seconds=13)  # the worker's next call is admitted, or it has ended
    assert ready()[1]["parts"]["loyalty"] == {"status": "ok", "openBreakers": 0}


def test_without_a_database_it_is_not_ready(unreachable_database: None) -> None:
    assert ready() == (503, {"status": "down", "parts": {"database": {"status": "down", "reason": "unreachable"}}})


def test_with_an_unapplied_migration_it_is_not_ready(missing_migration: None) -> None:
    status, body = ready()

    assert (status, body["status"]) == (503, "down")
    assert body["parts"]["database"] == {"status": "down", "reason": "unapplied migrations", "unapplied": 1}
