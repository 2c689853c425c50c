-- Holds, closes and credits in plain statements, which a session reads and plans once; holds of a list together.
-- Columns, codes and locks are those of 0003 and 0009.

DROP FUNCTION escrow_turns(uuid[], text[], text[]);

-- Lock the wallets of (owner, currency) pairs in the order of their ids.
CREATE OR REPLACE FUNCTION escrow_lock_wallets(p_owner uuid[], p_currency text[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM 1 FROM escrow_wallet x
      WHERE (x.owner_id, x.currency) IN (SELECT t.o, t.c FROM unnest(p_owner, p_currency) AS t(o, c))
      ORDER BY x.id FOR NO KEY UPDATE;
END
$$;

-- Lock holds in the order of their ids, then the wallets of their payers and payees in the order of theirs.
CREATE OR REPLACE FUNCTION escrow_lock_holds(p_hold uuid[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM 1 FROM escrow_hold x WHERE x.id = ANY (p_hold) ORDER BY x.id FOR NO KEY UPDATE;
    PERFORM 1 FROM escrow_wallet x
      WHERE x.id IN (SELECT y.id FROM escrow_hold z JOIN escrow_wallet y
                         ON y.currency = z.currency AND y.owner_id IN (z.payer_id, z.payee_id)
                      WHERE z.id = ANY (p_hold))
      ORDER BY x.id FOR NO KEY UPDATE;
END
$$;

-- Set `amount` aside from the payer's available balance. Locks the payers' wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, INSUFFICIENT_BALANCE.
-- A list's elements are written together where their wallets can pay all that the list asks of them, and none of their
-- keys is known or named twice; the others, and a single one, one after the other, each seeing what was before it. The
-- order tells nobody: elements of different wallets cannot see each other.
-- A generic plan: a fresh one for each call's arrays costs more than the look-up it plans (measured).
CREATE OR REPLACE FUNCTION escrow_hold(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_hold uuid[], p_payer uuid[],
    p_payee uuid[], p_house text[], p_currency text[], p_amount bigint[], p_feature text[], p_source text[],
    p_expires_s integer[], p_actor uuid[], p_reason text[], p_meta jsonb[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, hold uuid, available bigint, held bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    w escrow_wallet;
    moment timestamptz;
    turns bigint[];  -- of what was written together: which of its wallet's it is; 0 if it was not
BEGIN
    IF cardinality(p_key) > 1 THEN
        PERFORM escrow_lock_wallets(p_payer, p_currency);
        moment := core_now();
    END IF;
    IF cardinality(p_key) > 1 AND (SELECT count(*) = count(DISTINCT k) FROM unnest(p_key) AS k) THEN
        WITH t AS MATERIALIZED (
            SELECT * FROM unnest(
                p_operation, p_scope, p_key, p_fingerprint, p_hold, p_payer, p_payee, p_house, p_currency, p_amount,
                p_feature, p_source, p_expires_s, p_actor, p_reason, p_meta) WITH ORDINALITY AS u(
                operation, scope, key, fingerprint, hold, payer, payee, house, currency, amount,
                feature, source, expires_s, actor, reason, meta, n)
        ), able AS (
            SELECT x.owner_id, x.currency
              FROM (SELECT t.payer, t.currency, sum(t.amount) AS amount, count(k.id) AS known
                      FROM t LEFT JOIN escrow_operation k ON k.scope = t.scope AND k.key = t.key
                     GROUP BY t.payer, t.currency) asked
              JOIN escrow_wallet x ON x.owner_id = asked.payer AND x.currency = asked.currency
             WHERE x.status = 'active' AND x.available >= asked.amount AND asked.known = 0
        ), o AS (
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            SELECT t.operation, t.scope, t.key, t.fingerprint, 'hold', t.hold, t.actor, t.reason, t.meta, moment
              FROM t JOIN able ON able.owner_id = t.payer AND able.currency = t.currency
            ON CONFLICT (scope, key) DO NOTHING RETURNING id
        ), h AS (
            INSERT INTO escrow_hold (id, payer_id, payee_id, payee_house, currency, feature, source_event_id, amount,
                                     expires_at, created_at)
            SELECT t.hold, t.payer, t.payee, t.house, t.currency, t.feature, t.source, t.amount,
                   moment + make_interval(secs => t.expires_s), moment
              FROM t JOIN o ON o.id = t.operation
        )
        SELECT array_agg(CASE WHEN s.missing THEN 0 ELSE s.turn END ORDER BY s.n) INTO turns
          FROM (SELECT t.n, o.id IS NULL AS missing,
                       row_number() OVER (PARTITION BY t.payer, t.currency, o.id IS NULL ORDER BY t.n) AS turn
                  FROM t LEFT JOIN o ON o.id = t.operation) s;
        FOR now_on IN 1 .. (SELECT max(turn) FROM unnest(turns) AS turn) LOOP
            RETURN QUERY WITH m AS (
                UPDATE escrow_wallet x SET available = x.available - t.amount, held = x.held + t.amount,
                                           version = x.version + 1
                  FROM unnest(turns, p_operation, p_hold, p_payer, p_currency, p_amount) WITH ORDINALITY
                       AS t(turn, operation, hold, payer, currency, amount, n)
                 WHERE t.turn = now_on AND x.owner_id = t.payer AND x.currency = t.currency
                RETURNING x.*, t.n, t.operation, t.hold, t.amount
            ), e AS (
                INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, d_available, d_held,
                                          available_after, held_after, earned_after, owed_after, at)
                SELECT m.operation, 1, m.id, m.currency, m.version, -m.amount, m.amount,
                       m.available, m.held, m.earned, m.owed, moment FROM m
            )
            SELECT m.n::integer, NULL::text, false, m.operation, m.hold, m.available::bigint, m.held::bigint FROM m;
        END LOOP;
    END IF;

    FOR i IN 1 .. cardinality(p_key) LOOP
        CONTINUE WHEN turns[i] > 0;
        ord := i; code := NULL; replayed := false; operation := p_operation[i]; hold := p_hold[i];
        SELECT * INTO w FROM escrow_wallet x
         WHERE x.owner_id = p_payer[i] AND x.currency = p_currency[i] FOR NO KEY UPDATE;
        moment := coalesce(moment, core_now());
        IF w.status = 'active' AND w.available >= p_amount[i] THEN
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'hold', p_hold[i], p_actor[i], p_reason[i],
                    p_meta[i], moment)
            ON CONFLICT (scope, key) DO NOTHING;
            IF FOUND THEN
                INSERT INTO escrow_hold (id, payer_id, payee_id, payee_house, currency, feature, source_event_id,
                                         amount, expires_at, created_at)
                VALUES (p_hold[i], p_payer[i], p_payee[i], p_house[i], p_currency[i], p_feature[i], p_source[i],
                        p_amount[i], moment + make_interval(secs => p_expires_s[i]), moment);
                UPDATE escrow_wallet x SET available = x.available - p_amount[i], held = x.held + p_amount[i],
                                           version = x.version + 1
                 WHERE x.id = w.id RETURNING x.* INTO w;
                INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, d_available, d_held,
                                          available_after, held_after, earned_after, owed_after, at)
                VALUES (p_operation[i], 1, w.id, w.currency, w.version, -p_amount[i], p_amount[i],
                        w.available, w.held, w.earned, w.owed, moment);
                available := w.available; held := w.held;
                RETURN NEXT; CONTINUE;
            END IF;
        END IF;
        available := NULL; held := NULL;
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        replayed := FOUND AND code IS NULL;
        IF replayed THEN
            SELECT o.hold_id, e.available_after, e.held_after INTO hold, available, held
              FROM escrow_operation o JOIN escrow_entry e ON e.operation_id = o.id AND e.line = 1
             WHERE o.id = escrow_hold.operation;
        ELSE
            operation := p_operation[i]; available := w.available; held := w.held;
            code := coalesce(code, CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN'
                                        WHEN w.status <> 'active' THEN 'WALLET_FROZEN'
                                        ELSE 'INSUFFICIENT_BALANCE' END);
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Credit a wallet from a house account: kind `deposit` (sales, mint, loyalty_clearing) or `award` (slots_bank).
-- Locks the wallets. What is credited pays `owed` first. Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN.
CREATE OR REPLACE FUNCTION escrow_credit(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_kind text[], p_owner uuid[],
    p_house text[], p_currency text[], p_amount bigint[], p_hold uuid[], p_actor uuid[], p_reason text[], p_meta jsonb[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, available bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    w escrow_wallet;
    moment timestamptz;
    debt bigint;
BEGIN
    IF cardinality(p_key) > 1 THEN
        PERFORM escrow_lock_wallets(p_owner, p_currency);
    END IF;
    FOR i IN 1 .. cardinality(p_key) LOOP
        IF p_amount[i] NOT BETWEEN 1 AND 1000000000 THEN
            RAISE EXCEPTION 'amount % is out of range', p_amount[i] USING ERRCODE = 'check_violation';
        END IF;
        ord := i; code := NULL; replayed := false; operation := p_operation[i];
        SELECT * INTO w FROM escrow_wallet x
         WHERE x.owner_id = p_owner[i] AND x.currency = p_currency[i] FOR NO KEY UPDATE;
        moment := coalesce(moment, core_now());
        IF w.status = 'active' THEN
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], p_kind[i], p_hold[i], p_actor[i],
                    p_reason[i], p_meta[i], moment)
            ON CONFLICT (scope, key) DO NOTHING;
            IF FOUND THEN
                debt := least(w.owed, p_amount[i]);
                UPDATE escrow_wallet x SET available = x.available + p_amount[i] - debt, owed = x.owed - debt,
                                           version = x.version + 1
                 WHERE x.id = w.id RETURNING x.* INTO w;
                INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_owed,
                                          available_after, held_after, earned_after, owed_after, at)
                VALUES (p_operation[i], 1, w.id, NULL, w.currency, w.version, p_amount[i] - debt, -debt,
                        w.available, w.held, w.earned, w.owed, moment),
                       (p_operation[i], 2, NULL, p_house[i], w.currency, NULL, -p_amount[i], 0,
                        NULL, NULL, NULL, NULL, moment);
                available := w.available;
                RETURN NEXT; CONTINUE;
            END IF;
        END IF;
        available := NULL;
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        replayed := FOUND AND code IS NULL;
        IF replayed THEN
            SELECT e.available_after INTO available
              FROM escrow_entry e WHERE e.operation_id = escrow_credit.operation AND e.line = 1;
        ELSE
            operation := p_operation[i];
            IF code IS NULL THEN
                available := w.available;
                code := CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN' ELSE 'WALLET_FROZEN' END;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Close a hold in full: `settle` to its payee (less the fee, in basis points, if a performer), `refund` to its payer.
-- settle = 0 is a refund, or an expiry if p_expired. Locks the holds, then payers' and payees' wallets.
-- What is credited pays `owed` first. A frozen wallet may be refunded, not settled from or to.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, HOLD_CLOSED, SPLIT_MISMATCH, WALLET_FROZEN.
CREATE OR REPLACE FUNCTION escrow_close(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_hold uuid[], p_settle bigint[],
    p_refund bigint[], p_fee_bps integer[], p_expired boolean[], p_actor uuid[], p_reason text[], p_meta jsonb[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, hold uuid, available bigint, fee bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    h escrow_hold;
    w escrow_wallet;
    payer escrow_wallet;
    payee escrow_wallet;
    moment timestamptz;
    known record;
    ending text;
    net bigint;         -- what the payee gets
    payer_debt bigint;  -- what of the refund, and of the net, pays a debt
    payee_debt bigint;
BEGIN
    IF cardinality(p_key) > 1 THEN
        PERFORM escrow_lock_holds(p_hold);
    END IF;
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i]; hold := p_hold[i];
        SELECT * INTO h FROM escrow_hold x WHERE x.id = p_hold[i] FOR NO KEY UPDATE;
        payer := NULL; payee := NULL;
        FOR w IN SELECT * FROM escrow_wallet x
                  WHERE x.owner_id = ANY (ARRAY[h.payer_id, h.payee_id]) AND x.currency = h.currency
                  ORDER BY x.id FOR NO KEY UPDATE LOOP
            IF w.owner_id = h.payer_id THEN payer := w; ELSE payee := w; END IF;
        END LOOP;
        moment := coalesce(moment, core_now());
        code := CASE WHEN h.id IS NULL THEN 'NOT_FOUND'
                     WHEN h.status <> 'HELD' THEN 'HOLD_CLOSED'
                     WHEN p_settle[i] < 0 OR p_refund[i] < 0 OR p_settle[i] + p_refund[i] <> h.amount
                         THEN 'SPLIT_MISMATCH'
                     WHEN p_settle[i] > 0 AND (payer.status <> 'active' OR payee.status <> 'active')
                         THEN 'WALLET_FROZEN' END;
        IF code IS NULL AND (h.payee_id IS NULL OR payee.id IS NOT NULL) THEN
            ending := CASE WHEN p_expired[i] THEN 'expire' WHEN p_settle[i] = 0 THEN 'refund'
                           WHEN p_refund[i] = 0 THEN 'settle' ELSE 'split' END;
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], ending, h.id, p_actor[i], p_reason[i],
                    p_meta[i], moment)
            ON CONFLICT (scope, key) DO NOTHING;
            IF FOUND THEN
                fee := CASE WHEN h.payee_id IS NULL THEN 0 ELSE p_settle[i] * p_fee_bps[i] / 10000 END;
                net := p_settle[i] - fee;
                payer_debt := least(payer.owed, p_refund[i]);
                payee_debt := least(payee.owed, net);
                UPDATE escrow_hold x
                   SET captured = p_settle[i], released = p_refund[i], closed_at = moment,
                       status = CASE ending WHEN 'expire' THEN 'EXPIRED' WHEN 'refund' THEN 'REFUNDED'
                                            WHEN 'settle' THEN 'SETTLED' ELSE 'SPLIT' END
                 WHERE x.id = h.id;
                UPDATE escrow_wallet x
                   SET available = x.available + p_refund[i] - payer_debt, held = x.held - h.amount,
                       owed = x.owed - payer_debt, version = x.version + 1
                 WHERE x.id = payer.id RETURNING x.* INTO payer;
                IF payee.id IS NOT NULL AND net > 0 THEN
                    UPDATE escrow_wallet x
                       SET earned = x.earned + net - payee_debt, owed = x.owed - payee_debt, version = x.version + 1
                     WHERE x.id = payee.id RETURNING x.* INTO payee;
                END IF;
                INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_held,
                                          d_earned, d_owed, available_after, held_after, earned_after, owed_after, at)
                SELECT p_operation[i], l.line, l.wallet, l.house, h.currency, l.version, l.a, l.h, l.e, l.o,
                       l.available, l.held, l.earned, l.owed, moment
                  FROM (VALUES
                    (true, 1, payer.id, NULL, payer.version, p_refund[i] - payer_debt, -h.amount, 0, -payer_debt,
                     payer.available, payer.held, payer.earned, payer.owed),
                    (h.payee_id IS NOT NULL AND net > 0, 2, payee.id, NULL, payee.version, 0, 0, net - payee_debt,
                     -payee_debt, payee.available, payee.held, payee.earned, payee.owed),
                    (h.payee_id IS NULL AND net > 0, 2, NULL, h.payee_house, NULL, net, 0, 0, 0,
                     NULL, NULL, NULL, NULL),
                    (fee > 0, 3, NULL, 'revenue', NULL, fee, 0, 0, 0, NULL, NULL, NULL, NULL)
                  ) AS l(here, line, wallet, house, version, a, h, e, o, available, held, earned, owed)
                 WHERE l.here;
                available := payer.available;
                RETURN NEXT; CONTINUE;
            END IF;
        END IF;
        available := NULL; fee := 0;
        SELECT * INTO known FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]);
        IF FOUND THEN
            code := known.code;
            replayed := code IS NULL;
        ELSIF code IS NULL THEN
            RAISE EXCEPTION 'payee % has no % wallet', h.payee_id, h.currency;
        END IF;
        IF replayed THEN
            operation := known.operation;
            SELECT x.hold_id, e.available_after, coalesce(r.d_available, 0) INTO hold, available, fee
              FROM escrow_operation x JOIN escrow_entry e ON e.operation_id = x.id AND e.line = 1
              LEFT JOIN escrow_entry r ON r.operation_id = x.id AND r.line = 3
             WHERE x.id = known.operation;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
