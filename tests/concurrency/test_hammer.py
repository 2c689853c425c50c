"""Many processes, few wallets: every operation is counted once, nothing is lost, no deadlock."""

import json
import os
import secrets
import subprocess
import sys
from collections import Counter

import pytest
from django.conf import settings
from django.db import connection

from escrow.models import Operation
from tests.concurrency.test_deadlocks import deadlocks
from tests.ledger import assert_ledger_adds_up
from tests.world import performer

pytestmark = pytest.mark.django_db(transaction=True)
PROCESSES = int(os.environ.get("HAMMER_PROCESSES", "20"))
OPERATIONS = int(os.environ.get("HAMMER_OPERATIONS", "500"))
WALLETS = 5
KINDS = {
    "deposit": ("deposit",),
    "hold": ("hold",),
    "close": ("settle", "split"),
    "reverse": ("reverse",),
    "chargeback": ("chargeback",),
    "payout": ("payout",),
    "write_off": ("write_off",),
}


def hammered() -> Counter[str]:
    """Run the processes to their end; their answers, summed. Each has a seed that its failure names."""
    owners = [str(performer().pk) for _ in range(WALLETS)]
    facts = connection.settings_dict
    url = f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
    environment = os.environ | {"DATABASE_URL": url, "APP_MODE": "test", "LOG_LEVEL": "ERROR"}
    seeds = [secrets.randbelow(2**31) for _ in range(PROCESSES)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.concurrency.hammer", str(OPERATIONS), ",".join(map(str, seeds)), *owners],
        cwd=settings.BASE_DIR, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    each = done.stdout.splitlines()
    assert len(each) == PROCESSES
    return sum((Counter(json.loads(line)) for line in each), Counter())


@pytest.mark.timeout(0 if OPERATIONS > 500 else 180)
def test_twenty_processes_on_five_wallets_lose_and_double_nothing() -> None:
    before = deadlocks()

    answers = hammered()

    assert sum(answers.values()) >= PROCESSES * OPERATIONS
    assert_ledger_adds_up()
    for kind, stored in KINDS.items():
        assert Operation.objects.filter(kind__in=stored).count() == answers[f"{kind} done"], kind
    assert {name for name in answers if name.endswith("done")} >= {f"{kind} done" for kind in (*KINDS, "decide")}
    assert answers["deposit replayed"] > 0
    assert answers["hold INSUFFICIENT_BALANCE"] > 0
    assert deadlocks() == before
    print(dict(answers))
