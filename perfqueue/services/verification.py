"""V7 and V8: the line and the ledger tell the same story."""

from escrow.services import Finding, run_checks

CHECKS = {
    "V7": """
        SELECT h.id AS subject, 'open and expired for more than 60 s without an item' AS problem
          FROM escrow_hold h
         WHERE h.status = 'HELD' AND h.expires_at < core_now() - interval '60 s'
           AND NOT EXISTS (SELECT 1 FROM perfqueue_queueitem i WHERE i.hold_id = h.id)
        UNION ALL
        SELECT h.id, format('open under an item that is %s', i.state)
          FROM perfqueue_queueitem i JOIN escrow_hold h ON h.id = i.hold_id
         WHERE h.status = 'HELD' AND i.state IN ('finished', 'refunded')
        UNION ALL
        SELECT h.id, format('closed under an item that is %s', i.state)
          FROM perfqueue_queueitem i JOIN escrow_hold h ON h.id = i.hold_id
         WHERE h.status <> 'HELD' AND i.state IN ('created', 'started', 'abandoned')""",
    "V8": """
        SELECT i.id AS subject, format('finished for %s, hold captured %s', i.settle_tokens, h.captured) AS problem
          FROM perfqueue_queueitem i JOIN escrow_hold h ON h.id = i.hold_id
         WHERE i.state = 'finished' AND (h.captured, h.released) <> (i.settle_tokens, i.refund_tokens)
        UNION ALL
        SELECT i.id, format('finished with %s settlements', count(o.id))
          FROM perfqueue_queueitem i
          LEFT JOIN escrow_operation o ON o.hold_id = i.hold_id AND o.kind IN ('settle', 'split')
         WHERE i.state = 'finished' GROUP BY i.id HAVING count(o.id) <> 1
        UNION ALL
        SELECT o.id, 'settlement without a finished item'
          FROM escrow_operation o
          LEFT JOIN perfqueue_queueitem i ON i.hold_id = o.hold_id AND i.state = 'finished'
         WHERE o.kind IN ('settle', 'split') AND i.id IS NULL""",
}


def verify() -> list[Finding]:
    """Check V7 and V8; return what is wrong, nothing if all is well. Writes nothing."""
    return run_checks(CHECKS)
