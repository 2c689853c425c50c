"""A worker killed during a sweep: committed items stay, the next sweep does the rest."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from perfqueue.services.expiry import overdue_queues_sql
from tests.faults.processes import ask_for_a_sweep, kill_all, python, servers, verify
from tests.stack.processes import until

pytestmark = pytest.mark.stack
QUEUES, EACH = 5, 4
MAKE = f"""
from tests.world import buy, people, performer
for _ in range({QUEUES}):
    ruby = performer(rope_drop_s=30, max_wait_s=30)
    for buyer in people({EACH}, tokens=100):
        buy(buyer, ruby)
"""
LATER = "ALTER DATABASE xxxchat SET core.clock_offset = '31 seconds'"
LOCK = """
SELECT w.id FROM escrow_wallet w JOIN perfqueue_queueitem i ON i.user_id = w.owner_id
 WHERE i.performer_id = %s AND i.turn = %s ORDER BY w.id FOR UPDATE OF w
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
OTHERS = """
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND datname = current_database() AND application_name <> 'test'
"""
ENDED = """
SELECT i.performer_id::text, count(*),
       (SELECT count(*) FROM perfqueue_transition t JOIN perfqueue_queueitem x ON x.id = t.item_id
         WHERE x.performer_id = i.performer_id AND t.to_state = 'refunded'),
       (SELECT count(*) FROM perfqueue_strike s WHERE s.performer_id = i.performer_id),
       (SELECT count(*) FROM live_event e WHERE e.key = 'queue.item.refunded' AND e.room = i.performer_id),
       (SELECT sum(w.available)::int FROM escrow_wallet w JOIN perfqueue_queueitem x ON x.user_id = w.owner_id
         WHERE x.performer_id = i.performer_id),
       (SELECT count(*) FROM escrow_operation o JOIN perfqueue_queueitem x ON x.hold_id = o.hold_id
         WHERE x.performer_id = i.performer_id AND o.kind = 'refund')
  FROM perfqueue_queueitem i WHERE i.state = 'refunded' GROUP BY i.performer_id
"""
WHOLE = (EACH, EACH, EACH, EACH, EACH * 100, EACH)
"""A queue of which every item has ended; half-way of fewer items, each complete."""
Database = psycopg.Connection[Any]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    with servers(MAKE) as found:
        yield found


def connected(environment: dict[str, str]) -> Database:
    return psycopg.connect(environment["DATABASE_URL"], autocommit=True, application_name="test")


def one(database: Database, sql: str) -> int:
    row = database.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])


def ended(database: Database) -> dict[str, tuple[int, ...]]:
    """By performer: items refunded, steps to that, strikes, events, tokens given back, refunds of the ledger."""
    return {performer: tuple(counts) for performer, *counts in database.execute(ENDED.encode()).fetchall()}


def test_a_worker_killed_in_mid_sweep_ends_nothing_twice_and_leaves_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """It is killed while it waits for the wallet of a buyer in the middle of a queue."""
    again = tmp_path / "again"

    with closing(connected(environment)) as database:
        database.execute(LATER)
    with closing(connected(environment)) as database, closing(connected(environment)) as holder:
        overdue = [row[0] for row in database.execute(overdue_queues_sql().encode()).fetchall()]
        assert (len(overdue), ended(database)) == (QUEUES, {})

        with python("tests.faults.worker", str(tmp_path / "first"), environment=environment) as worker:
            with holder.transaction():
                holder.execute(LOCK, [overdue[QUEUES // 2], EACH // 2])
                ask_for_a_sweep(environment)
                until(lambda: one(database, WAITING), within_s=40)
                kill_all(worker.pid)
            until(lambda: one(database, OTHERS) == 0, within_s=20)
        half_way = ended(database)

        with python("tests.faults.worker", str(again), environment=environment):
            ask_for_a_sweep(environment)
            until(again.exists, within_s=40)
        whole = ended(database)
        holds = one(database, "SELECT count(*) FROM escrow_hold WHERE status = 'HELD'")

    items = [counts[0] for counts in half_way.values()]
    assert 0 < sum(items) < QUEUES * EACH
    assert list(half_way.values()) == [(n, n, n, n, n * 100, n) for n in items], "an item was ended in part"
    assert whole == {str(performer): WHOLE for performer in overdue}
    assert (holds, verify(environment)) == (0, 0)
