"""A worker killed before it acknowledges: the task is delivered again and finds nothing to do."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis

from tests.faults.processes import ask_for_a_sweep, kill_all, python, servers, verify
from tests.faults.worker import VISIBLE_AFTER_S
from tests.stack.processes import until

pytestmark = pytest.mark.stack
EXPIRED = 7
MAKE = f"""
from tests.world import buy, performer, person
for _ in range({EXPIRED}):
    buy(person(tokens=100), performer(rope_drop_s=30))
"""
LATER = "ALTER DATABASE xxxchat SET core.clock_offset = '31 seconds'"
STATE = """
SELECT (SELECT count(*) FROM perfqueue_queueitem WHERE state = 'refunded'),
       (SELECT count(*) FROM perfqueue_strike),
       (SELECT count(*) FROM escrow_operation WHERE kind = 'refund'),
       (SELECT count(*) FROM live_event WHERE key = 'queue.item.refunded'),
       (SELECT coalesce(sum(available), 0) FROM escrow_wallet)
"""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A database and a broker of the test's own, with queues whose heads are about to be overdue."""
    with servers(MAKE) as found:
        yield found


def test_a_worker_killed_before_its_acknowledgement_does_nothing_twice(
    environment: dict[str, str], tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    with closing(psycopg.connect(environment["DATABASE_URL"], autocommit=True)) as database:
        database.execute(LATER)

        def state() -> tuple[int, ...]:
            row = database.execute(STATE).fetchone()
            assert row is not None
            return tuple(map(int, row))

        assert state() == (0, 0, 0, 0, 0)
        with python("tests.faults.worker", str(first), environment=environment) as worker:
            ask_for_a_sweep(environment)
            until(first.exists, within_s=40)
            done = state()
            kill_all(worker.pid)
            until(lambda: unheard_of_for_s(environment) > VISIBLE_AFTER_S + 0.2, within_s=10)
        with python("tests.faults.worker", str(second), environment=environment):
            until(second.exists, within_s=40)
            again = state()
        verified = verify(environment)

    assert done == (EXPIRED, EXPIRED, EXPIRED, EXPIRED, EXPIRED * 100)
    assert second.read_text() == first.read_text(), "it was another task"
    assert again == done
    assert verified == 0


def unheard_of_for_s(environment: dict[str, str]) -> float:
    """How long ago the broker gave out the task that nobody has acknowledged."""
    with redis.Redis.from_url(environment["REDIS_URL"]) as broker:
        ((_, given_out),) = broker.zrange("unacked_index", 0, -1, withscores=True)
    return time.time() - float(given_out)
