-- A close keeps `meta` as holds and credits do: the id of the request that ends it. Nothing else is new in it.

DROP FUNCTION escrow_close(uuid[], text[], text[], bytea[], uuid[], bigint[], bigint[], integer[], boolean[], uuid[], text[]);

-- Close a hold in full: `settle` to its payee (less the fee, in basis points, if a performer), `refund` to its payer.
-- settle = 0 is a refund, or an expiry if p_expired. Locks the holds, then payers' and payees' wallets.
-- What is credited pays `owed` first. A frozen wallet may be refunded, not settled from or to.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, HOLD_CLOSED, SPLIT_MISMATCH, WALLET_FROZEN.
CREATE FUNCTION escrow_close(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_hold uuid[], p_settle bigint[],
    p_refund bigint[], p_fee_bps integer[], p_expired boolean[], p_actor uuid[], p_reason text[], p_meta jsonb[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, hold uuid, available bigint, fee bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    h escrow_hold;
    moment timestamptz;
    fine boolean;
BEGIN
    PERFORM escrow_lock_holds(p_hold);
    moment := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i]; hold := p_hold[i];
        available := NULL; fee := 0;
        WITH t AS MATERIALIZED (  -- the terms: who gives, who gets, what of it pays a debt
            SELECT s.*, least(s.payee_owed, s.net) AS debt FROM (
                SELECT z.id, z.payer_id, z.currency, z.amount, z.payee_house, a.id AS payer, b.id AS payee,
                       least(a.owed, p_refund[i]) AS back, coalesce(b.owed, 0) AS payee_owed, f.fee,
                       p_settle[i] - f.fee AS net
                  FROM escrow_hold z
                  JOIN escrow_wallet a ON a.owner_id = z.payer_id AND a.currency = z.currency
                  LEFT JOIN escrow_wallet b ON b.owner_id = z.payee_id AND b.currency = z.currency
                 CROSS JOIN LATERAL (
                    SELECT CASE WHEN z.payee_id IS NULL THEN 0 ELSE p_settle[i] * p_fee_bps[i] / 10000 END AS fee) f
                 WHERE z.id = p_hold[i] AND z.status = 'HELD' AND p_settle[i] >= 0 AND p_refund[i] >= 0
                   AND p_settle[i] + p_refund[i] = z.amount AND (z.payee_id IS NULL OR b.id IS NOT NULL)
                   AND (p_settle[i] = 0 OR (a.status = 'active' AND coalesce(b.status, 'active') = 'active'))) s
        ), o AS (
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            SELECT p_operation[i], p_scope[i], p_key[i], p_fingerprint[i],
                   CASE WHEN p_expired[i] THEN 'expire' WHEN p_settle[i] = 0 THEN 'refund'
                        WHEN p_refund[i] = 0 THEN 'settle' ELSE 'split' END,
                   t.id, p_actor[i], p_reason[i], p_meta[i], moment FROM t
            ON CONFLICT (scope, key) DO NOTHING RETURNING id
        ), c AS (
            UPDATE escrow_hold x SET captured = p_settle[i], released = p_refund[i], closed_at = moment,
                   status = CASE WHEN p_expired[i] THEN 'EXPIRED' WHEN p_settle[i] = 0 THEN 'REFUNDED'
                                 WHEN p_refund[i] = 0 THEN 'SETTLED' ELSE 'SPLIT' END
              FROM o WHERE x.id = p_hold[i]
        ), d AS (  -- the lines of wallets
            SELECT 1 AS line, t.payer AS id, p_refund[i] - t.back AS a, -t.amount AS h, 0::bigint AS g, -t.back AS o
              FROM t, o
            UNION ALL
            SELECT 2, t.payee, 0, 0, t.net - t.debt, -t.debt FROM t, o WHERE t.payee IS NOT NULL AND t.net > 0
        ), m AS (
            UPDATE escrow_wallet x SET available = x.available + d.a, held = x.held + d.h, earned = x.earned + d.g,
                                       owed = x.owed + d.o, version = x.version + 1
              FROM d WHERE x.id = d.id RETURNING x.*, d.line, d.a, d.h, d.g, d.o
        ), e AS (
            INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_held,
                                      d_earned, d_owed, available_after, held_after, earned_after, owed_after, at)
            SELECT p_operation[i], m.line, m.id, NULL, m.currency, m.version, m.a, m.h, m.g, m.o,
                   m.available, m.held, m.earned, m.owed, moment FROM m
            UNION ALL
            SELECT p_operation[i], l.line, NULL, l.house, t.currency, NULL, l.a, 0, 0, 0, NULL, NULL, NULL, NULL, moment
              FROM t, o, LATERAL (VALUES (2, t.payee_house, t.net), (3, 'revenue', t.fee)) AS l(line, house, a)
             WHERE l.house IS NOT NULL AND l.a > 0
        )
        SELECT m.available, t.fee INTO available, fee FROM m, t WHERE m.line = 1;
        IF FOUND THEN
            RETURN NEXT; CONTINUE;
        END IF;
        fee := 0;
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT x.hold_id, e.available_after, coalesce(r.d_available, 0) INTO hold, available, fee
                  FROM escrow_operation x JOIN escrow_entry e ON e.operation_id = x.id AND e.line = 1
                  LEFT JOIN escrow_entry r ON r.operation_id = x.id AND r.line = 3
                 WHERE x.id = escrow_close.operation;
            ELSE
                operation := p_operation[i];
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];
        SELECT * INTO h FROM escrow_hold x WHERE x.id = p_hold[i];
        code := CASE WHEN h.id IS NULL THEN 'NOT_FOUND'
                     WHEN h.status <> 'HELD' THEN 'HOLD_CLOSED'
                     WHEN p_settle[i] < 0 OR p_refund[i] < 0 OR p_settle[i] + p_refund[i] <> h.amount
                         THEN 'SPLIT_MISMATCH'
                     ELSE 'WALLET_FROZEN' END;
        IF code = 'WALLET_FROZEN' AND h.payee_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM escrow_wallet x WHERE x.owner_id = h.payee_id AND x.currency = h.currency) THEN
            RAISE EXCEPTION 'payee % has no % wallet', h.payee_id, h.currency;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
