"""`make manage CMD="demo_clock …"` beside a running demo."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.flows.person import Person
from xxxchat.stack import Stack

BET = {"betAmount": 100}
PATIENT_S = 300.0
ATTEMPTS = 40


def spun(person: Person) -> dict[str, Any]:
    """Spin; a process may find out only by the first request that its session was ended."""
    key = str(uuid.uuid4())
    for _ in range(ATTEMPTS):
        answer = person.command("/slot-machine/spin", BET, key=key)
        if answer.status_code != 503:
            break
        threading.Event().wait(0.5)
    assert answer.status_code == 200, answer.text
    spin: dict[str, Any] = answer.json()
    return spin


def ahead(spin: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(spin["timestamp"]) - datetime.now(UTC)


@pytest.mark.timeout(600)
def test_every_process_has_the_new_time_and_the_records_stay_sound() -> None:
    with Stack(started_within_s=PATIENT_S) as stack:
        alice = Person(stack.url, "alice")
        assert abs(ahead(spun(alice))) < timedelta(minutes=5)

        stack.manage("demo_clock", "--forward", "3d")
        future = spun(alice)
        assert timedelta(days=2) < ahead(future) < timedelta(days=4)

        stack.manage("demo_clock", "--reset")
        present = spun(alice)
        assert abs(ahead(present)) < timedelta(minutes=5)
        assert present["session"]["elapsedSeconds"] == 0
        stack.manage("verify_spins")
        stack.manage("verify_ledger")
        alice.close()
