"""Outbox and reconciliation against the stand-in, a process of its own, with faults and a kill in between."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from tenacity import wait_random_exponential

from accounts.models import User
from core import dispatch
from core.batches import run_statement
from loyalty.client import breaker, run, running, sending
from loyalty.errors import LoyaltyUnavailable, OutcomeUnknown
from loyalty.models import WAITING, RemoteOperation
from loyalty.services import outbox, recovery
from loyalty.services.operations import leaving_unknown
from loyalty.tests.features import Feature
from tests.clock import Clock
from tests.standin import StandIn
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
START, SPINS, AWARD = 10_000, 60, 150
FAULTS: dict[str, dict[str, Any]] = {
    "drop_after": {"rate": 0.1},
    "drop_before": {"rate": 0.05},
    "error_500": {"rate": 0.05},
    "error_503": {"rate": 0.05},
    "expired_token": {"rate": 0.05},
    "duplicate": {"rate": 0.05},
}


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(dispatch, "request_run", lambda task: True)
    monkeypatch.setattr(sending, "BACKOFF", wait_random_exponential(multiplier=0.01, max=0.05))
    with StandIn(tmp_path / "points.db") as started, override_settings(**started.settings):
        yield started
        running.stop()
    breaker.reset()


def spin(feature: Feature, player: User, *, award: int) -> None:
    """A spin as a command makes it; what it does not know, reconciliation finds out."""
    deduct = feature.open(player)
    try:
        balance = run(lambda client: client.deduct(deduct.change)).new_balance
    except OutcomeUnknown as unknown:
        run_statement(leaving_unknown([(deduct.spin_id, str(unknown))]))
    except LoyaltyUnavailable:
        return  # the command would refuse it; here it is left open
    else:
        feature.settle(deduct, balance, award)


def test_every_point_is_accounted_for_on_both_sides(standin: StandIn, feature: Feature, clock: Clock) -> None:
    players = [person() for _ in range(4)]
    standin.steering.put_members(
        [{"memberId": f"m-{each.pk}", "proof": "1", "balance": START, "clientUserId": str(each.pk)} for each in players]
    )
    for kind, facts in FAULTS.items():
        standin.steering.fault(kind, **facts)
    for number in range(SPINS):
        if number == SPINS // 2:
            standin.kill()
            spin(feature, players[0], award=AWARD)
            standin.start()
            for kind, facts in FAULTS.items():
                standin.steering.fault(kind, **facts)
        spin(feature, players[number % 4], award=AWARD if number % 3 == 0 else 0)
        breaker.reset()

    waiting = RemoteOperation.objects.filter(state__in=WAITING)
    for _ in range(20):
        clock.shift(seconds=3_601)
        breaker.reset()
        recovery.reconcile()
        outbox.deliver_due()
        if not waiting.exists():
            break

    assert not waiting.exists()
    done = [spin_id for spin_id, state in feature.intents.items() if state == "done"]
    assert set(feature.intents.values()) <= {"done", "compensated", "refused"}
    here: Counter[str] = Counter()
    for row in RemoteOperation.objects.exclude(state="refused"):
        here[row.key] = -row.amount if row.kind == "deduct" else row.amount
    there = {each["transactionId"]: each["pointsDelta"] for each in standin.steering.entries()}
    assert dict(here) == {key: delta for key, delta in there.items() if key.startswith("spin-")}
    left = sum(each["balance"] for each in standin.steering.members())
    won = sum(delta for key, delta in here.items() if key.endswith("-credit"))
    assert left == len(players) * START - 100 * len(done) + won
    print(f"spins {len(feature.intents)}, settled {len(done)}, {Counter(feature.intents.values())}, points left {left}")
