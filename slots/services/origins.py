"""The age limit of the origins of spins: addresses and user agents."""

from django.db import connection

from core.db import command

KEPT_DAYS = 180
BATCH_ROWS = 5_000
MAX_BATCHES = 200
# MATERIALIZED: a plan that ran the look-up again for each row would go beyond its LIMIT.
_PRUNE = """
WITH old AS MATERIALIZED (
    SELECT spin_id FROM slots_spinorigin
     WHERE spin_id < slots_id_floor((SELECT core_now() - make_interval(days => %(days)s)))
       AND at < (SELECT core_now() - make_interval(days => %(days)s))
     ORDER BY spin_id LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
DELETE FROM slots_spinorigin o USING old WHERE o.spin_id = old.spin_id
"""


def prune_origins() -> int:
    """Delete origins that are older than 180 days, at most a million; return how many.

    Transactions of a few thousand rows, found by the age of their ids, so that no index of the time is needed.
    """
    deleted = 0
    for _ in range(MAX_BATCHES):
        pruned = command(_prune)
        deleted += pruned
        if pruned < BATCH_ROWS:
            break
    return deleted


def _prune() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, {"days": KEPT_DAYS, "rows": BATCH_ROWS})
        return int(cursor.rowcount)
