"""The queue's rules in plain Python: what the transitions, in order, say must be true of it now."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from core.db import rows
from perfqueue.tests.invariants.test_graph import EDGES

STEPS = """
SELECT i.id, i.performer_id, i.turn, i.state, t.from_state, t.to_state, t.actor, t.reason
  FROM perfqueue_queueitem i LEFT JOIN perfqueue_transition t ON t.item_id = i.id ORDER BY t.id
"""
LINES = """
SELECT q.performer_id, q.depth, q.is_open AND NOT q.is_paused AND q.away_at IS NULL AS open,
       array(SELECT i.id FROM perfqueue_queueitem i WHERE i.performer_id = q.performer_id AND i.state = 'created'
              ORDER BY i.turn) AS waiting,
       array(SELECT i.id FROM perfqueue_queueitem i WHERE i.performer_id = q.performer_id
                AND i.rope_drop_at IS NOT NULL) AS armed,
       EXISTS (SELECT 1 FROM perfqueue_queueitem i JOIN perfqueue_block b
                   ON (b.performer_id, b.user_id) = (i.performer_id, i.user_id)
                WHERE i.performer_id = q.performer_id AND i.state = 'created') AS blocked_in_line
  FROM perfqueue_performerqueue q
"""
Edge = tuple[str, str]


@dataclass
class Told:
    """States of items; who waits, in order, and who is on stage, by performer; the edges that were walked."""

    states: dict[UUID, str] = field(default_factory=dict)
    waiting: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    on_stage: dict[UUID, UUID] = field(default_factory=dict)
    turns: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    edges: set[Edge] = field(default_factory=set)


def assert_queues_are_as_their_transitions_say(*, desk: UUID) -> set[Edge]:
    """Hold the rule against the tables (two statements); return the edges that were walked."""
    told, now = _check_steps(desk)
    assert told.states == now
    for line in rows(LINES):
        ruby = line["performer_id"]
        assert line["waiting"] == told.waiting[ruby]
        assert len(line["waiting"]) <= line["depth"]
        assert line["armed"] == (line["waiting"][:1] if line["open"] and ruby not in told.on_stage else [])
        assert not line["blocked_in_line"]
    return told.edges


def _check_steps(desk: UUID) -> tuple[Told, dict[UUID, str]]:
    """Walk through every step of every item in the order written; also the states that the items have now.

    Raises:
        AssertionError: a step is no edge or does not follow, a turn was left out, somebody else than the head was
        started without staff and a reason, or two were on stage at once.
    """
    told, now = Told(), {}
    for step in rows(STEPS):
        item, ruby, source, target = step["id"], step["performer_id"], step["from_state"], step["to_state"]
        assert told.states.get(item, "") == source
        assert (source, target) in EDGES | {("", "created")}
        told.states[item], now[item] = target, step["state"]
        match source:
            case "":
                told.turns[ruby] += 1
                assert step["turn"] == told.turns[ruby]
                told.waiting[ruby].append(item)
                continue
            case "created":
                skipped = step["actor"] == desk and step["reason"]
                assert target != "started" or told.waiting[ruby][0] == item or skipped
                told.waiting[ruby].remove(item)
            case "started":
                assert told.on_stage.pop(ruby) == item
        told.edges.add((source, target))
        if target == "started":
            assert ruby not in told.on_stage
            told.on_stage[ruby] = item
    return told, now
