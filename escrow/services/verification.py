"""V1–V6: the sums an auditor would do, over the whole ledger in one snapshot."""

from dataclasses import dataclass

from django.db import connection, transaction

from core import db


@dataclass(frozen=True)
class Finding:
    """Something that does not add up: which invariant, which row, what was expected and found."""

    check: str
    subject: str
    problem: str


CHECKS = {
    "V1": """
        SELECT operation_id AS subject, format('%s sums to %s', currency,
               sum(d_available + d_held + d_earned - d_owed)) AS problem
          FROM escrow_entry GROUP BY operation_id, currency
        HAVING sum(d_available + d_held + d_earned - d_owed) <> 0
        UNION ALL
        SELECT o.id, 'operation without entries' FROM escrow_operation o
         WHERE NOT EXISTS (SELECT 1 FROM escrow_entry e WHERE e.operation_id = o.id)""",
    "V2": """
        SELECT w.id AS subject, format('wallet %s/%s/%s/%s v%s, last entry %s/%s/%s/%s v%s', w.available, w.held,
               w.earned, w.owed, w.version, e.available_after, e.held_after, e.earned_after, e.owed_after,
               e.version) AS problem
          FROM escrow_wallet w
          LEFT JOIN LATERAL (SELECT * FROM escrow_entry x WHERE x.wallet_id = w.id ORDER BY x.version DESC LIMIT 1) e
                 ON true
         WHERE (w.available, w.held, w.earned, w.owed, w.version) IS DISTINCT FROM
               (coalesce(e.available_after, 0), coalesce(e.held_after, 0), coalesce(e.earned_after, 0),
                coalesce(e.owed_after, 0), coalesce(e.version, 0))""",
    "V3": """
        SELECT wallet_id AS subject, format('version %s does not follow', version) AS problem FROM (
            SELECT e.*, row_number() OVER w AS n,
                   lag(available_after, 1, 0::bigint) OVER w + d_available AS a,
                   lag(held_after, 1, 0::bigint) OVER w + d_held AS h,
                   lag(earned_after, 1, 0::bigint) OVER w + d_earned AS g,
                   lag(owed_after, 1, 0::bigint) OVER w + d_owed AS o
              FROM escrow_entry e WHERE wallet_id IS NOT NULL
            WINDOW w AS (PARTITION BY wallet_id ORDER BY version)) s
         WHERE version <> n OR (a, h, g, o) <> (available_after, held_after, earned_after, owed_after)""",
    "V4": """
        SELECT w.id AS subject, format('held %s, open holds %s', w.held, coalesce(s.total, 0)) AS problem
          FROM escrow_wallet w
          LEFT JOIN (SELECT payer_id, currency, sum(amount) AS total FROM escrow_hold WHERE status = 'HELD'
                      GROUP BY payer_id, currency) s ON s.payer_id = w.owner_id AND s.currency = w.currency
         WHERE w.held <> coalesce(s.total, 0)""",
    "V5": """
        SELECT h.id AS subject, format('captured %s, released %s; operations say %s, %s', h.captured, h.released,
               s.captured, s.released) AS problem
          FROM escrow_hold h
          LEFT JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN o.kind = 'hold' THEN e.d_held ELSE 0 END), 0) AS opened,
                   coalesce(sum(CASE WHEN o.kind <> 'hold' THEN e.d_available - e.d_owed ELSE 0 END), 0) AS released,
                   coalesce(sum(CASE WHEN o.kind <> 'hold' THEN -e.d_held - e.d_available + e.d_owed ELSE 0 END), 0)
                       AS captured
              FROM escrow_operation o
              JOIN escrow_entry e ON e.operation_id = o.id
              JOIN escrow_wallet w ON w.id = e.wallet_id AND w.owner_id = h.payer_id
             WHERE o.hold_id = h.id AND o.kind IN ('hold', 'settle', 'split', 'refund', 'expire')) s ON true
         WHERE (h.amount, h.captured, h.released) <> (s.opened, s.captured, s.released)""",
    "V6": """
        SELECT currency AS subject, format('all entries sum to %s',
               sum(d_available + d_held + d_earned - d_owed)) AS problem
          FROM escrow_entry GROUP BY currency HAVING sum(d_available + d_held + d_earned - d_owed) <> 0""",
}


def verify() -> list[Finding]:
    """Check V1–V6 over the whole ledger; return what is wrong, nothing if all is well. Writes nothing."""
    return run_checks(CHECKS)


def run_checks(checks: dict[str, str]) -> list[Finding]:
    """Run named queries of (subject, problem) in one read-only snapshot without a time limit."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
        return [
            Finding(name, str(row["subject"]), row["problem"])
            for name, query in checks.items()
            for row in db.rows(query)
        ]
