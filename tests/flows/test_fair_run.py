"""Thousands of spins over the API, exported and replayed by the stand-alone verifier; each player checks the answers.

`FAIR_SPINS` and `FAIR_USERS` make the run longer (`make soak ARGS=fairness`).
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from accounts.tokens import issue
from core.ids import new_id
from slots import services
from slots.models import Spin, SpinOrigin
from slots.standalone import verify_archive
from tests.equality.servers import Pair, running
from tests.world import person
from xxxchat.stack import ports

pytestmark = pytest.mark.django_db(transaction=True)
SPINS = int(os.environ.get("FAIR_SPINS", "2000"))
USERS = int(os.environ.get("FAIR_USERS", "25"))
EACH = SPINS // USERS
LIFTED = {"SLOTS_MIN_INTERVAL_MS": "0", "SLOTS_SPINS_PER_HOUR": "0", "LIMIT_CAPS_POINT": "0,0,0"}
ORDINARY = 10
"""One spin in so many is sent to web, the others to the commands process."""


@pytest.fixture
def pair(transactional_db: None) -> Iterator[Pair]:
    with running(**LIFTED) as found:
        yield found


def spins_of(token: str, pair: Pair) -> int:
    """Spin as one player does, one after the other; check each answer by the one before. Return the points left."""
    links = [HTTPConnection(ports.LOOPBACK, port, timeout=30) for port in (pair.web, pair.commands)]
    commitment, points = "", 0
    for number in range(EACH):
        body: dict[str, Any] = {"betAmount": 100, "clientNonce": hashlib.sha256(f"{number}".encode()).hexdigest()[:32]}
        if number % 7 == 3:
            body["clientSeed"] = f"seed {number}"
        answer = _answer(links[number % ORDINARY != 0], body, token)
        fairness = answer["fairness"]
        assert answer["nonce"] == number
        if number:
            assert hashlib.sha256(bytes.fromhex(fairness["seed"])).hexdigest() == commitment
            assert answer["previousBalance"] == points
        commitment, points = fairness["nextCommitment"], answer["newBalance"]
    for link in links:
        link.close()
    return points


def _answer(link: HTTPConnection, body: dict[str, Any], token: str) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": str(new_id()),
        "Host": "localhost", "X-Forwarded-For": "203.0.113.7", "User-Agent": "fair-run",
    }  # fmt: skip
    link.request("POST", "/api/v1/slot-machine/spin", json.dumps(body), headers)
    answer = link.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found


def test_spins_over_the_api_are_replayed_by_the_standalone_verifier(pair: Pair, tmp_path: Path) -> None:
    users = [person(points=EACH * 100) for _ in range(USERS)]
    tokens = [issue(user).access for user in users]
    started = time.monotonic()
    with ThreadPoolExecutor(USERS) as pool:
        left = list(pool.map(partial(spins_of, pair=pair), tokens))
    spun = time.monotonic() - started

    folder = tmp_path / "export"
    services.export_spins(folder)
    run = [sys.executable, "-I", "-S", verify_archive.__file__, str(folder), "--key", services.public_key()]
    started = time.monotonic()
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    replayed = time.monotonic() - started

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == f"{EACH * USERS} spins of {USERS} players, 0 defects\n"
    assert services.verify() == []
    paid = sum(Spin.objects.values_list("payout", flat=True))
    assert sum(left) == paid, "all was staked, what is left was won"
    assert SpinOrigin.objects.filter(address="203.0.113.7", user_agent="fair-run").count() == EACH * USERS
    size = sum(path.stat().st_size for path in folder.rglob("*"))
    facts = {"seconds": round(spun, 1), "replayed_s": round(replayed, 2), "archive_bytes": size}
    print(json.dumps({"spins": EACH * USERS, "users": USERS, "paid": paid, **facts}))
