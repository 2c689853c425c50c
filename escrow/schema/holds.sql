-- The functions of this folder that move balances take arrays: element i of each is one operation. They lock every row
-- they need of one class, in id order, before the next class, then decide element by element: later elements see the
-- effect of earlier ones. A refusal is a code in the element's row and writes nothing; SQLSTATEs are for defects and
-- locks. A known key with the same fingerprint is a replay: the row repeats the first result, with `replayed` true.

-- Open holds: move p_amount of the payer's available balance to held. Locks the payers' wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, INSUFFICIENT_BALANCE.
-- The elements of a list are written together where their wallets can pay all that the list asks of them, and none of
-- their keys is known or named twice; the others, and a single one, are written one after the other, each after the
-- effect of those before it. The order makes no difference: elements of different wallets cannot see each other.
-- A generic plan: planning anew for each call's arrays costs more than the look-up it plans (measured).
CREATE OR REPLACE FUNCTION escrow_hold(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_hold uuid[], p_payer uuid[],
    p_payee uuid[], p_house text[], p_currency text[], p_amount bigint[], p_feature text[], p_source text[],
    p_expires_s integer[], p_actor uuid[], p_reason text[], p_meta jsonb[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, hold uuid, available bigint, held bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    w escrow_wallet;
    v_now timestamptz;
    turns bigint[];  -- an element's place among those of its wallet that are written together; 0 if it is not
BEGIN
    -- Lock the wallets of a list, in id order.
    IF cardinality(p_key) > 1 THEN
        PERFORM escrow_lock_wallets(p_payer, p_currency);
        v_now := core_now();
    END IF;

    -- Write together what the wallets of a list can pay: operations and holds in one statement.
    IF cardinality(p_key) > 1 AND (SELECT count(*) = count(DISTINCT k) FROM unnest(p_key) AS k) THEN
        WITH wanted AS MATERIALIZED (
            SELECT * FROM unnest(
                p_operation, p_scope, p_key, p_fingerprint, p_hold, p_payer, p_payee, p_house, p_currency, p_amount,
                p_feature, p_source, p_expires_s, p_actor, p_reason, p_meta) WITH ORDINALITY AS u(
                operation, scope, key, fingerprint, hold, payer, payee, house, currency, amount,
                feature, source, expires_s, actor, reason, meta, n)
        ), payable AS (  -- the wallets that can pay all that the list asks of them, none of it a known key
            SELECT x.owner_id, x.currency
              FROM (SELECT t.payer, t.currency, sum(t.amount) AS amount, count(k.id) AS known
                      FROM wanted t LEFT JOIN escrow_operation k ON k.scope = t.scope AND k.key = t.key
                     GROUP BY t.payer, t.currency) s
              JOIN escrow_wallet x ON x.owner_id = s.payer AND x.currency = s.currency
             WHERE x.status = 'active' AND x.available >= s.amount AND s.known = 0
        ), written AS (
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            SELECT t.operation, t.scope, t.key, t.fingerprint, 'hold', t.hold, t.actor, t.reason, t.meta, v_now
              FROM wanted t JOIN payable y ON y.owner_id = t.payer AND y.currency = t.currency
            ON CONFLICT (scope, key) DO NOTHING RETURNING id
        ), opened AS (
            INSERT INTO escrow_hold (id, payer_id, payee_id, payee_house, currency, feature, source_event_id, amount,
                                     expires_at, created_at)
            SELECT t.hold, t.payer, t.payee, t.house, t.currency, t.feature, t.source, t.amount,
                   v_now + make_interval(secs => t.expires_s), v_now
              FROM wanted t JOIN written o ON o.id = t.operation
        )
        SELECT array_agg(CASE WHEN s.missing THEN 0 ELSE s.turn END ORDER BY s.n) INTO turns
          FROM (SELECT t.n, o.id IS NULL AS missing,
                       row_number() OVER (PARTITION BY t.payer, t.currency, o.id IS NULL ORDER BY t.n) AS turn
                  FROM wanted t LEFT JOIN written o ON o.id = t.operation) s;

        -- Move the balances, one element of each wallet at a time, so that each version has its entry.
        FOR this_turn IN 1 .. (SELECT max(turn) FROM unnest(turns) AS turn) LOOP
            RETURN QUERY WITH moved AS (
                UPDATE escrow_wallet x SET available = x.available - t.amount, held = x.held + t.amount,
                                           version = x.version + 1
                  FROM unnest(turns, p_operation, p_hold, p_payer, p_currency, p_amount) WITH ORDINALITY
                       AS t(turn, operation, hold, payer, currency, amount, n)
                 WHERE t.turn = this_turn AND x.owner_id = t.payer AND x.currency = t.currency
                RETURNING x.*, t.n, t.operation, t.hold, t.amount
            ), entries AS (
                INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, d_available, d_held,
                                          available_after, held_after, earned_after, owed_after, at)
                SELECT m.operation, 1, m.id, m.currency, m.version, -m.amount, m.amount,
                       m.available, m.held, m.earned, m.owed, v_now FROM moved m
            )
            SELECT m.n::integer, NULL::text, false, m.operation, m.hold, m.available::bigint, m.held::bigint
              FROM moved m;
        END LOOP;
    END IF;

    -- Then the others, or the only one, one after the other.
    FOR i IN 1 .. cardinality(p_key) LOOP
        CONTINUE WHEN turns[i] > 0;
        ord := i; code := NULL; replayed := false; operation := p_operation[i]; hold := p_hold[i];
        SELECT * INTO w FROM escrow_wallet x
         WHERE x.owner_id = p_payer[i] AND x.currency = p_currency[i] FOR NO KEY UPDATE;
        v_now := coalesce(v_now, core_now());

        -- Write the operation if the wallet can pay, then the hold, the balances and the entry if the key was new.
        IF w.status = 'active' AND w.available >= p_amount[i] THEN
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'hold', p_hold[i], p_actor[i], p_reason[i],
                    p_meta[i], v_now)
            ON CONFLICT (scope, key) DO NOTHING;
            IF FOUND THEN
                INSERT INTO escrow_hold (id, payer_id, payee_id, payee_house, currency, feature, source_event_id,
                                         amount, expires_at, created_at)
                VALUES (p_hold[i], p_payer[i], p_payee[i], p_house[i], p_currency[i], p_feature[i], p_source[i],
                        p_amount[i], v_now + make_interval(secs => p_expires_s[i]), v_now);
                UPDATE escrow_wallet x SET available = x.available - p_amount[i], held = x.held + p_amount[i],
                                           version = x.version + 1
                 WHERE x.id = w.id RETURNING x.* INTO w;
                INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, d_available, d_held,
                                          available_after, held_after, earned_after, owed_after, at)
                VALUES (p_operation[i], 1, w.id, w.currency, w.version, -p_amount[i], p_amount[i],
                        w.available, w.held, w.earned, w.owed, v_now);
                available := w.available; held := w.held;
                RETURN NEXT; CONTINUE;
            END IF;
        END IF;

        -- Nothing was written: return the first result of a known key, else why.
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
