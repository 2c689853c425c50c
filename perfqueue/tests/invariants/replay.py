"""The queue's rules in plain Python: the state of a queue is derived from its transitions and compared."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from core.db import rows
from perfqueue.tests.invariants.test_graph import EDGES

STEPS = """
SELECT i.id, i.performer_id, i.turn, i.state, t.from_state, t.to_state, t.actor, t.reason
  FROM perfqueue_queueitem i LEFT JOIN perfqueue_transition t ON t.item_id = i.id ORDER BY t.id
"""
QUEUES = """
SELECT q.performer_id, q.depth, q.is_open AND NOT q.is_paused AND q.away_at IS NULL AS open,
       array(SELECT i.id FROM perfqueue_queueitem i WHERE i.performer_id = q.performer_id AND i.state = 'created'
              ORDER BY i.turn) AS waiting,
       array(SELECT i.id FROM perfqueue_queueitem i WHERE i.performer_id = q.performer_id
                AND i.rope_drop_at IS NOT NULL) AS armed,
       EXISTS (SELECT 1 FROM perfqueue_queueitem i JOIN perfqueue_block b
                   ON (b.performer_id, b.user_id) = (i.performer_id, i.user_id)
                WHERE i.performer_id = q.performer_id AND i.state = 'created') AS blocked_waiting
  FROM perfqueue_performerqueue q
"""
Edge = tuple[str, str]


@dataclass
class History:
    """States of items; by performer the waiting items in order and the started one; the edges that were walked."""

    states: dict[UUID, str] = field(default_factory=dict)
    waiting: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    started_items: dict[UUID, UUID] = field(default_factory=dict)
    turns: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    edges: set[Edge] = field(default_factory=set)


def assert_queues_match_their_transitions(*, support: UUID) -> set[Edge]:
    """Compare the tables with the transitions (two statements); return the edges that were walked."""
    history, now = _check_steps(support)
    assert history.states == now
    for queue in rows(QUEUES):
        ruby = queue["performer_id"]
        assert queue["waiting"] == history.waiting[ruby]
        assert len(queue["waiting"]) <= queue["depth"]
        assert queue["armed"] == (queue["waiting"][:1] if queue["open"] and ruby not in history.started_items else [])
        assert not queue["blocked_waiting"]
    return history.edges


def _check_steps(support: UUID) -> tuple[History, dict[UUID, str]]:
    """Replay every step of every item in the order written; return the history and the states that the items have now.

    Raises:
        AssertionError: a step is no edge or does not follow, a turn was left out, another than the head was
        started without staff and a reason, or two were started at once.
    """
    history, now = History(), {}
    for step in rows(STEPS):
        item, ruby, source, target = step["id"], step["performer_id"], step["from_state"], step["to_state"]
        assert history.states.get(item, "") == source
        assert (source, target) in EDGES | {("", "created")}
        history.states[item], now[item] = target, step["state"]
        match source:
            case "":
                history.turns[ruby] += 1
                assert step["turn"] == history.turns[ruby]
                history.waiting[ruby].append(item)
                continue
            case "created":
                skipped = step["actor"] == support and step["reason"]
                assert target != "started" or history.waiting[ruby][0] == item or skipped
                history.waiting[ruby].remove(item)
            case "started":
                assert history.started_items.pop(ruby) == item
        history.edges.add((source, target))
        if target == "started":
            assert ruby not in history.started_items
            history.started_items[ruby] = item
    return history, now
