"""V1–V6 as queries of (subject, problem). `{entries}` and the like become a whole table, or its recent rows.

A recent operation is found by its id: a UUIDv7 made just before the call, so that the primary key is the index.
"""

WHOLE = {
    "operations": "escrow_operation",
    "entries": "escrow_entry",
    "wallets": "escrow_wallet",
    "holds": "escrow_hold",
    "payouts": "escrow_payout",
    "orders": "escrow_order",
}
RECENT = {
    "operations": "(SELECT * FROM escrow_operation WHERE id >= %(floor)s)",
    "entries": "(SELECT * FROM escrow_entry WHERE operation_id >= %(floor)s)",
    "wallets": "(SELECT * FROM escrow_wallet WHERE id IN"
    " (SELECT wallet_id FROM escrow_entry WHERE operation_id >= %(floor)s))",
    "holds": "(SELECT * FROM escrow_hold WHERE id IN (SELECT hold_id FROM escrow_operation WHERE id >= %(floor)s))",
    "payouts": "(SELECT * FROM escrow_payout WHERE operation_id >= %(floor)s"
    " UNION SELECT * FROM escrow_payout WHERE rejection_id >= %(floor)s)",
    "orders": "(SELECT * FROM escrow_order WHERE deposit_id >= %(floor)s"
    " UNION SELECT * FROM escrow_order WHERE deposit_id IN"
    " (SELECT escrow_origin(id) FROM escrow_operation WHERE id >= %(floor)s AND reverses_id IS NOT NULL))",
}

ONLY_WHOLE = {
    "V6": """
        SELECT s.house || ' ' || s.currency AS subject,
               format('snapshot up to entry %%s says %%s, the entries %%s', s.upto, s.balance, t.sum) AS problem
          FROM (SELECT DISTINCT ON (house, currency) * FROM escrow_housesnapshot ORDER BY house, currency, upto DESC) s
         CROSS JOIN LATERAL (SELECT coalesce(sum(e.d_available), 0) AS sum FROM escrow_entry e
                              WHERE e.house = s.house AND e.currency = s.currency AND e.id <= s.upto) t
         WHERE s.balance <> t.sum""",
}
"""Checked by full runs only."""

CHECKS = {
    "V1": """
        SELECT operation_id AS subject, format('%%s sums to %%s', currency,
               sum(d_available + d_held + d_earned - d_owed)) AS problem
          FROM {entries} e GROUP BY operation_id, currency
        HAVING sum(d_available + d_held + d_earned - d_owed) <> 0
        UNION ALL
        SELECT id, CASE WHEN lines = 0 THEN 'operation without entries'
                        ELSE format('lines that no %%s has', kind) END
          FROM (
            SELECT o.id, o.kind, o.hold_id, o.reverses_id, s.* FROM {operations} o
             CROSS JOIN LATERAL (
                SELECT count(*) AS lines, array_remove(array_agg(e.house::text), NULL) AS houses,
                       coalesce(sum(e.d_held), 0) AS held, coalesce(sum(e.d_owed), 0) AS owed,
                       coalesce(sum(e.d_earned), 0) AS earned,
                       coalesce(sum(e.d_available) FILTER (WHERE e.wallet_id IS NOT NULL), 0) AS available
                  FROM escrow_entry e WHERE e.operation_id = o.id) s) summed
         WHERE NOT CASE kind
            WHEN 'hold' THEN lines = 1 AND held > 0 AND hold_id IS NOT NULL
            WHEN 'refund' THEN lines = 1 AND held < 0 AND hold_id IS NOT NULL
            WHEN 'expire' THEN lines = 1 AND held < 0 AND hold_id IS NOT NULL
            WHEN 'settle' THEN lines >= 2 AND held < 0 AND hold_id IS NOT NULL
            WHEN 'split' THEN lines >= 2 AND held < 0 AND hold_id IS NOT NULL
            WHEN 'deposit' THEN lines = 2 AND houses <@ '{{sales,mint,loyalty_clearing}}' AND available - owed > 0
            WHEN 'award' THEN lines = 2 AND houses = '{{slots_bank}}' AND available - owed > 0
            WHEN 'withdraw' THEN lines = 2 AND houses = '{{loyalty_clearing}}' AND available < 0
            WHEN 'write_off' THEN lines = 2 AND houses = '{{losses}}' AND owed < 0 AND available = 0 AND earned = 0
            WHEN 'payout' THEN lines = 2 AND houses = '{{payouts}}' AND earned < 0 AND available = 0 AND owed = 0
            WHEN 'payout_reject'
                THEN lines = 2 AND houses = '{{payouts}}' AND earned - owed > 0 AND reverses_id IS NOT NULL
            WHEN 'chargeback' THEN lines = 2 AND available + earned - owed < 0 AND reverses_id IS NOT NULL
            WHEN 'reverse' THEN lines >= 2 AND held = 0 AND reverses_id IS NOT NULL
            WHEN 'repair' THEN lines = 1 AND (available, held, earned, owed) = (0, 0, 0, 0)
            ELSE false END
        UNION ALL
        SELECT o.id, format('a %%s that is not the opposite of what it names', o.kind) FROM {operations} o
         WHERE o.kind IN ('reverse', 'chargeback', 'payout_reject') AND EXISTS (
            SELECT 1 FROM escrow_entry e WHERE e.operation_id IN (o.id, o.reverses_id)
             GROUP BY e.wallet_id, e.house HAVING sum(e.d_available + e.d_held + e.d_earned - e.d_owed) <> 0)
        UNION ALL
        SELECT o.id, format('a %%s of points that another system keeps', o.kind) FROM {operations} o
         WHERE o.reverses_id IS NOT NULL AND escrow_kept_elsewhere(o.reverses_id)
        UNION ALL
        SELECT DISTINCT e.operation_id, 'a line neither of a wallet nor of a house account' FROM {entries} e
         WHERE num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after)
               <> CASE WHEN house IS NULL THEN 6 ELSE 0 END
            OR house IS NOT NULL AND (d_held <> 0 OR d_earned <> 0 OR d_owed <> 0)
        UNION ALL
        SELECT DISTINCT e.operation_id, 'entries of no operation' FROM {entries} e
         WHERE NOT EXISTS (SELECT 1 FROM escrow_operation o WHERE o.id = e.operation_id)""",
    "V2": """
        SELECT w.id AS subject, format('wallet %%s/%%s/%%s/%%s v%%s, last entry %%s/%%s/%%s/%%s v%%s', w.available,
               w.held, w.earned, w.owed, w.version, e.available_after, e.held_after, e.earned_after, e.owed_after,
               e.version) AS problem
          FROM {wallets} w
          LEFT JOIN LATERAL (SELECT * FROM escrow_entry x WHERE x.wallet_id = w.id ORDER BY x.version DESC LIMIT 1) e
                 ON true
         WHERE (w.available, w.held, w.earned, w.owed, w.version) IS DISTINCT FROM
               (coalesce(e.available_after, 0), coalesce(e.held_after, 0), coalesce(e.earned_after, 0),
                coalesce(e.owed_after, 0), coalesce(e.version, 0))
        UNION ALL
        SELECT DISTINCT e.wallet_id, 'entries of a wallet that is gone' FROM {entries} e
         WHERE e.wallet_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM escrow_wallet w WHERE w.id = e.wallet_id)""",
    "V3": """
        SELECT e.wallet_id AS subject, format('version %%s does not follow', e.version) AS problem
          FROM {entries} e
          LEFT JOIN escrow_entry p ON p.wallet_id = e.wallet_id AND p.version = e.version - 1
         WHERE e.wallet_id IS NOT NULL AND (
               (p.id IS NULL) <> (e.version = 1)
            OR (coalesce(p.available_after, 0) + e.d_available, coalesce(p.held_after, 0) + e.d_held,
                coalesce(p.earned_after, 0) + e.d_earned, coalesce(p.owed_after, 0) + e.d_owed)
               <> (e.available_after, e.held_after, e.earned_after, e.owed_after)
            OR p.at > e.at AND NOT EXISTS (
                SELECT 1 FROM core_clock_move m WHERE m.to_offset < m.from_offset
                   AND p.at <= m.at + m.from_offset AND e.at >= m.at + m.to_offset))""",
    "V4": """
        SELECT w.id AS subject, format('held %%s, open holds %%s', w.held, coalesce(s.total, 0)) AS problem
          FROM {wallets} w
          LEFT JOIN (SELECT payer_id, currency, sum(amount) AS total FROM escrow_hold WHERE status = 'HELD'
                      GROUP BY payer_id, currency) s ON s.payer_id = w.owner_id AND s.currency = w.currency
         WHERE w.held <> coalesce(s.total, 0)""",
    "V5": """
        SELECT h.id AS subject, format('captured %%s, released %%s; operations say %%s, %%s', h.captured, h.released,
               s.captured, s.released) AS problem
          FROM {holds} h
          LEFT JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN o.kind = 'hold' THEN e.d_held ELSE 0 END), 0) AS opened,
                   coalesce(sum(CASE WHEN o.kind <> 'hold' THEN e.d_available - e.d_owed ELSE 0 END), 0) AS released,
                   coalesce(sum(CASE WHEN o.kind <> 'hold' THEN -e.d_held - e.d_available + e.d_owed ELSE 0 END), 0)
                       AS captured
              FROM escrow_operation o
              JOIN escrow_entry e ON e.operation_id = o.id
              JOIN escrow_wallet w ON w.id = e.wallet_id AND w.owner_id = h.payer_id AND w.currency = h.currency
             WHERE o.hold_id = h.id AND o.kind IN ('hold', 'settle', 'split', 'refund', 'expire')) s ON true
         WHERE (h.amount, h.captured, h.released) <> (s.opened, s.captured, s.released)
        UNION ALL
        SELECT h.id, format('a hold for %%s payees, %%s, captured %%s and released %%s',
               num_nonnulls(payee_id, payee_house), status, captured, released)
          FROM {holds} h
         WHERE num_nonnulls(payee_id, payee_house) <> 1 OR payee_id = payer_id OR NOT CASE
               WHEN closed_at IS NULL THEN status = 'HELD' AND captured = 0 AND released = 0
               WHEN captured + released <> amount THEN false
               WHEN released = 0 THEN status = 'SETTLED'
               WHEN captured = 0 THEN status IN ('REFUNDED', 'EXPIRED')
               ELSE status = 'SPLIT' END
        UNION ALL
        SELECT h.id, format('%%s by a %%s', h.status, o.kind)
          FROM {holds} h JOIN escrow_operation o ON o.hold_id = h.id
         WHERE o.kind IN ('settle', 'split', 'refund', 'expire')
           AND h.status <> CASE o.kind WHEN 'settle' THEN 'SETTLED' WHEN 'split' THEN 'SPLIT'
                                       WHEN 'refund' THEN 'REFUNDED' ELSE 'EXPIRED' END
        UNION ALL
        SELECT h.id, 'paid to somebody who is not its payee'
          FROM {holds} h JOIN escrow_operation o ON o.hold_id = h.id AND o.kind IN ('settle', 'split')
          JOIN escrow_entry e ON e.operation_id = o.id AND e.line = 2
          LEFT JOIN escrow_wallet w ON w.id = e.wallet_id
         WHERE (w.owner_id, e.house) IS DISTINCT FROM (h.payee_id, h.payee_house)
        UNION ALL
        SELECT o.hold_id, format('%%s of a hold that is gone', o.kind) FROM {operations} o
         WHERE o.hold_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM escrow_hold h WHERE h.id = o.hold_id)
        UNION ALL
        SELECT p.id, 'payout that its operations do not tell'
          FROM {payouts} p
          LEFT JOIN escrow_operation o ON o.id = p.operation_id AND o.kind = 'payout'
          LEFT JOIN escrow_entry e ON e.operation_id = o.id AND e.line = 1
          LEFT JOIN escrow_wallet w ON w.id = e.wallet_id
          LEFT JOIN escrow_operation r
                 ON r.id = p.rejection_id AND r.kind = 'payout_reject' AND r.reverses_id = p.operation_id
         WHERE (w.owner_id, e.d_earned) IS DISTINCT FROM (p.performer_id, -p.amount)
            OR (p.status = 'rejected') <> (r.id IS NOT NULL)
        UNION ALL
        SELECT o.id, 'payout operation without its payout' FROM {operations} o
         WHERE o.kind = 'payout' AND NOT EXISTS (SELECT 1 FROM escrow_payout p WHERE p.operation_id = o.id)
        UNION ALL
        SELECT o.id, 'rejection without its payout' FROM {operations} o
         WHERE o.kind = 'payout_reject' AND NOT EXISTS (SELECT 1 FROM escrow_payout p WHERE p.rejection_id = o.id)
        UNION ALL
        SELECT x.id, format('an order that is %%s, and its operations say otherwise', x.status) FROM {orders} x
         WHERE escrow_agrees(x.deposit_id, x.status, x.chargeback_id) IS NOT TRUE
        UNION ALL
        SELECT x.id, 'an order that stands and has a lost dispute' FROM {orders} x
         CROSS JOIN LATERAL escrow_latest(x.deposit_id) l
         WHERE l.stands AND EXISTS (SELECT 1 FROM escrow_dispute y WHERE y.order_id = x.id AND y.state = 'lost')""",
    "V6": """
        SELECT currency AS subject, format('all entries sum to %%s',
               sum(d_available + d_held + d_earned - d_owed)) AS problem
          FROM {entries} e GROUP BY currency HAVING sum(d_available + d_held + d_earned - d_owed) <> 0""",
}
