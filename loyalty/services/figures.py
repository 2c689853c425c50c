"""How much is on its way to RedRoomRewards, and for how long."""

from dataclasses import dataclass

from core.db import rows

BACKLOG = """
SELECT count(*) FILTER (WHERE o.kind <> 'deduct')::int AS outbox,
       coalesce(extract(epoch FROM core_now() - min(o.created_at) FILTER (WHERE o.kind <> 'deduct')), 0)::float
           AS outbox_oldest_s,
       count(*) FILTER (WHERE o.state = 'unknown')::int AS unknown,
       coalesce(extract(epoch FROM core_now() - min(o.created_at) FILTER (WHERE o.state = 'unknown')), 0)::float
           AS unknown_oldest_s,
       (SELECT count(*) FROM loyalty_remoteoperation d WHERE d.state = 'dead')::int AS dead
  FROM loyalty_remoteoperation o WHERE o.state IN ('open', 'unknown')
"""


@dataclass(frozen=True)
class Backlog:
    """Operations that wait in the outbox, whose outcome is unknown, and that are dead; ages in seconds, 0 for none."""

    outbox: int
    outbox_oldest_s: float
    unknown: int
    unknown_oldest_s: float
    dead: int


def backlog() -> Backlog:
    """Count what waits (one statement, by the indexes of what is not closed)."""
    return Backlog(**rows(BACKLOG)[0])
