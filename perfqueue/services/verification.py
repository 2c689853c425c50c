"""V7 and V8: queue items and the ledger agree."""

from datetime import datetime

from escrow.services import Finding, run_checks

WHOLE = {"finished": "perfqueue_queueitem", "settlements": "escrow_operation"}
RECENT = {
    "finished": "(SELECT * FROM perfqueue_queueitem WHERE hold_id IN"
    " (SELECT hold_id FROM escrow_operation WHERE id >= %(floor)s))",
    "settlements": "(SELECT * FROM escrow_operation WHERE id >= %(floor)s)",
}
# V7 starts from open holds and items, which are few, and so is always checked whole.
CHECKS = {
    "V7": """
        SELECT h.id AS subject, 'open and expired for more than 60 s without an item' AS problem, h.id AS hold,
               true AS late
          FROM escrow_hold h
         WHERE h.status = 'HELD' AND h.expires_at < core_now() - interval '60 s'
           AND NOT EXISTS (SELECT 1 FROM perfqueue_queueitem i WHERE i.hold_id = h.id)
        UNION ALL
        SELECT h.id, format('open under an item that is %%s', i.state), h.id, false
          FROM escrow_hold h JOIN perfqueue_queueitem i ON i.hold_id = h.id
         WHERE h.status = 'HELD' AND i.state IN ('finished', 'refunded')
        UNION ALL
        SELECT h.id, format('closed under an item that is %%s', i.state), h.id, false
          FROM perfqueue_queueitem i JOIN escrow_hold h ON h.id = i.hold_id
         WHERE h.status <> 'HELD' AND i.state IN ('created', 'started', 'abandoned')""",
    "V8": """
        SELECT i.id AS subject, format('finished for %%s, hold captured %%s', i.settle_tokens, h.captured) AS problem,
               i.hold_id AS hold
          FROM {finished} i JOIN escrow_hold h ON h.id = i.hold_id
         WHERE i.state = 'finished' AND (h.captured, h.released) <> (i.settle_tokens, i.refund_tokens)
        UNION ALL
        SELECT i.id, format('finished with %%s settlements', count(o.id)), i.hold_id
          FROM {finished} i
          LEFT JOIN escrow_operation o ON o.hold_id = i.hold_id AND o.kind IN ('settle', 'split')
         WHERE i.state = 'finished' GROUP BY i.id, i.hold_id HAVING count(o.id) <> 1
        UNION ALL
        SELECT o.id, 'settlement without a finished item', o.hold_id
          FROM {settlements} o
          LEFT JOIN perfqueue_queueitem i ON i.hold_id = o.hold_id AND i.state = 'finished'
         WHERE o.kind IN ('settle', 'split') AND i.id IS NULL
        UNION ALL
        SELECT i.id, 'item whose hold names another payer, amount or currency', i.hold_id
          FROM {finished} i JOIN escrow_hold h ON h.id = i.hold_id
         WHERE (i.user_id, i.tokens, i.currency) <> (h.payer_id, h.amount, h.currency)""",
}


def verify(*, since: datetime | None = None) -> list[Finding]:
    """Check V7 and V8, the latter over everything or over what was written `since`. Writes nothing."""
    return run_checks(CHECKS, RECENT if since else WHOLE, since)
