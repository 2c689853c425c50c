-- Holds of a whole list in few statements, closes and credits in one statement an element; guards that are asked only when something is wrong.
-- The functions of 0003 and 0005 keep their columns, their codes and their locks.

-- Who may write: code under one of the ledger's functions. Each carries `SET escrow.writing = 'on'`, which PostgreSQL
-- puts on for the length of the call and takes off at its end, also by an exception. (ADR 0037; the call stack told it
-- before, at 28 microseconds a time.)
CREATE OR REPLACE FUNCTION escrow_inside() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT current_setting('escrow.writing', true) IS NOT DISTINCT FROM 'on'
$$;
ALTER FUNCTION escrow_claim SET escrow.writing = 'on';
ALTER FUNCTION escrow_reverse SET escrow.writing = 'on';
ALTER FUNCTION escrow_chargeback SET escrow.writing = 'on';
ALTER FUNCTION escrow_write_off SET escrow.writing = 'on';
ALTER FUNCTION escrow_payout SET escrow.writing = 'on';
ALTER FUNCTION escrow_decide_payout SET escrow.writing = 'on';
ALTER FUNCTION escrow_repair SET escrow.writing = 'on';

-- An update of a balance changes no index, so its new row may stay beside the old one where the page has room.
ALTER TABLE escrow_wallet SET (fillfactor = 70);

DROP TRIGGER escrow_operation_writer ON escrow_operation;
DROP TRIGGER escrow_entry_writer ON escrow_entry;
DROP TRIGGER escrow_hold_writer ON escrow_hold;
DROP TRIGGER escrow_payout_writer ON escrow_payout;
CREATE TRIGGER escrow_operation_writer BEFORE INSERT ON escrow_operation FOR EACH STATEMENT
    WHEN (current_setting('escrow.writing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION escrow_only_inside();
CREATE TRIGGER escrow_entry_writer BEFORE INSERT ON escrow_entry FOR EACH STATEMENT
    WHEN (current_setting('escrow.writing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION escrow_only_inside();
CREATE TRIGGER escrow_hold_writer BEFORE INSERT OR UPDATE ON escrow_hold FOR EACH STATEMENT
    WHEN (current_setting('escrow.writing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION escrow_only_inside();
CREATE TRIGGER escrow_payout_writer BEFORE INSERT OR UPDATE ON escrow_payout FOR EACH STATEMENT
    WHEN (current_setting('escrow.writing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION escrow_only_inside();

-- The row guards of 0002, called only for what they refuse (their functions still judge it whole).
DROP TRIGGER escrow_wallet_guard ON escrow_wallet;
CREATE TRIGGER escrow_wallet_begins BEFORE INSERT ON escrow_wallet FOR EACH ROW
    EXECUTE FUNCTION escrow_wallet_guard();
CREATE TRIGGER escrow_wallet_moves BEFORE UPDATE OF available, held, earned, owed, version ON escrow_wallet FOR EACH ROW
    WHEN (NEW.version <> OLD.version + 1 OR current_setting('escrow.writing', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION escrow_wallet_guard();
CREATE TRIGGER escrow_wallet_keeps BEFORE UPDATE OF id, owner_id, currency, created_at ON escrow_wallet FOR EACH ROW
    EXECUTE FUNCTION escrow_wallet_guard();

DROP TRIGGER escrow_hold_guard ON escrow_hold;
CREATE TRIGGER escrow_hold_begins BEFORE INSERT ON escrow_hold FOR EACH ROW
    WHEN (NEW.status <> 'HELD') EXECUTE FUNCTION escrow_hold_guard();
CREATE TRIGGER escrow_hold_ends BEFORE UPDATE OF status, captured, released, closed_at ON escrow_hold FOR EACH ROW
    WHEN (OLD.status <> 'HELD') EXECUTE FUNCTION escrow_hold_guard();
CREATE TRIGGER escrow_hold_keeps BEFORE UPDATE OF id, payer_id, payee_id, payee_house, currency, feature,
    source_event_id, amount, created_at, expires_at ON escrow_hold FOR EACH ROW EXECUTE FUNCTION escrow_hold_guard();

-- In which turn each element of a list comes: one after the other where they share a wallet, or where a key is named
-- twice; else together, for elements of different wallets cannot see each other.
CREATE FUNCTION escrow_turns(p_owner uuid[], p_currency text[], p_key text[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF cardinality(p_key) = 1 THEN
        RETURN '{1}';
    END IF;
    RETURN (
        SELECT array_agg(CASE WHEN k.same THEN t.n ELSE t.turn END ORDER BY t.n)
          FROM (SELECT u.n, row_number() OVER (PARTITION BY u.o, u.c ORDER BY u.n) AS turn
                  FROM unnest(p_owner, p_currency) WITH ORDINALITY AS u(o, c, n)) t
         CROSS JOIN (SELECT count(DISTINCT x) < count(*) AS same FROM unnest(p_key) x) k);
END
$$;

-- Lock the wallets of (owner, currency) pairs in the order of their ids. One wallet needs no order.
CREATE FUNCTION escrow_lock_wallets(p_owner uuid[], p_currency text[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF cardinality(p_owner) = 1 THEN
        PERFORM 1 FROM escrow_wallet x
          WHERE x.owner_id = p_owner[1] AND x.currency = p_currency[1] FOR NO KEY UPDATE;
    ELSE
        PERFORM 1 FROM escrow_wallet x
          WHERE (x.owner_id, x.currency) IN (SELECT t.o, t.c FROM unnest(p_owner, p_currency) AS t(o, c))
          ORDER BY x.id FOR NO KEY UPDATE;
    END IF;
END
$$;

-- Set `amount` aside from the payer's available balance. Locks the payers' wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, INSUFFICIENT_BALANCE.
-- One statement writes every element of a turn that its wallet allows and whose key is new; only what it passed over is
-- asked why. A generic plan: a fresh one for each call's arrays costs more than the look-up it plans (measured).
CREATE OR REPLACE FUNCTION escrow_hold(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_hold uuid[], p_payer uuid[],
    p_payee uuid[], p_house text[], p_currency text[], p_amount bigint[], p_feature text[], p_source text[],
    p_expires_s integer[], p_actor uuid[], p_reason text[], p_meta jsonb[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, hold uuid, available bigint, held bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    turns bigint[] := escrow_turns(p_payer, p_currency, p_key);
    w escrow_wallet;
    moment timestamptz;
    written integer;
BEGIN
    PERFORM escrow_lock_wallets(p_payer, p_currency);
    moment := core_now();
    FOR now_on IN 1 .. coalesce((SELECT max(x) FROM unnest(turns) x), 0) LOOP
        RETURN QUERY WITH t AS MATERIALIZED (
            SELECT * FROM unnest(
                p_operation, p_scope, p_key, p_fingerprint, p_hold, p_payer, p_payee, p_house, p_currency, p_amount,
                p_feature, p_source, p_expires_s, p_actor, p_reason, p_meta, turns) WITH ORDINALITY AS u(
                operation, scope, key, fingerprint, hold, payer, payee, house, currency, amount,
                feature, source, expires_s, actor, reason, meta, turn, n)
             WHERE u.turn = now_on
        ), o AS (
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            SELECT t.operation, t.scope, t.key, t.fingerprint, 'hold', t.hold, t.actor, t.reason, t.meta, moment
              FROM t JOIN escrow_wallet x ON x.owner_id = t.payer AND x.currency = t.currency
             WHERE x.status = 'active' AND x.available >= t.amount
            ON CONFLICT (scope, key) DO NOTHING RETURNING id
        ), h AS (
            INSERT INTO escrow_hold (id, payer_id, payee_id, payee_house, currency, feature, source_event_id, amount,
                                     expires_at, created_at)
            SELECT t.hold, t.payer, t.payee, t.house, t.currency, t.feature, t.source, t.amount,
                   moment + make_interval(secs => t.expires_s), moment
              FROM t JOIN o ON o.id = t.operation
        ), m AS (
            UPDATE escrow_wallet x SET available = x.available - t.amount, held = x.held + t.amount,
                                       version = x.version + 1
              FROM t JOIN o ON o.id = t.operation WHERE x.owner_id = t.payer AND x.currency = t.currency
            RETURNING x.*, t.n, t.operation, t.hold, t.amount
        ), e AS (
            INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, d_available, d_held,
                                      available_after, held_after, earned_after, owed_after, at)
            SELECT m.operation, 1, m.id, m.currency, m.version, -m.amount, m.amount,
                   m.available, m.held, m.earned, m.owed, moment FROM m
        )
        SELECT m.n::integer, NULL::text, false, m.operation, m.hold, m.available, m.held FROM m;
        GET DIAGNOSTICS written = ROW_COUNT;
        CONTINUE WHEN written = (SELECT count(*) FROM unnest(turns) x WHERE x = now_on);

        FOR ord IN
            SELECT u.n FROM unnest(turns, p_operation) WITH ORDINALITY AS u(turn, id, n)
             WHERE u.turn = now_on AND NOT EXISTS (SELECT 1 FROM escrow_operation o WHERE o.id = u.id)
        LOOP
            available := NULL; held := NULL; hold := p_hold[ord];
            SELECT k.operation, k.code INTO operation, code
              FROM escrow_known(p_scope[ord], p_key[ord], p_fingerprint[ord]) k;
            replayed := FOUND AND code IS NULL;
            IF replayed THEN
                SELECT o.hold_id, e.available_after, e.held_after INTO hold, available, held
                  FROM escrow_operation o JOIN escrow_entry e ON e.operation_id = o.id AND e.line = 1
                 WHERE o.id = escrow_hold.operation;
            ELSE
                operation := p_operation[ord];
                SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p_payer[ord] AND x.currency = p_currency[ord];
                available := w.available; held := w.held;
                code := coalesce(code, CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN'
                                            WHEN w.status <> 'active' THEN 'WALLET_FROZEN'
                                            ELSE 'INSUFFICIENT_BALANCE' END);
            END IF;
            RETURN NEXT;
        END LOOP;
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
BEGIN
    PERFORM escrow_lock_wallets(p_owner, p_currency);
    moment := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i];
        IF p_amount[i] < 1 OR p_amount[i] > 1000000000 THEN
            RAISE EXCEPTION 'amount % is out of range', p_amount[i] USING ERRCODE = 'check_violation';
        END IF;
        WITH o AS (
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            SELECT p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], p_kind[i], p_hold[i], p_actor[i],
                   p_reason[i], p_meta[i], moment
              FROM escrow_wallet x
             WHERE x.owner_id = p_owner[i] AND x.currency = p_currency[i] AND x.status = 'active'
            ON CONFLICT (scope, key) DO NOTHING RETURNING id
        ), before AS (
            SELECT x.id, least(x.owed, p_amount[i]) AS debt
              FROM escrow_wallet x, o WHERE x.owner_id = p_owner[i] AND x.currency = p_currency[i]
        ), m AS (
            UPDATE escrow_wallet x SET available = x.available + p_amount[i] - b.debt, owed = x.owed - b.debt,
                                       version = x.version + 1
              FROM before b WHERE x.id = b.id RETURNING x.*, b.debt
        ), e AS (
            INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_owed,
                                      available_after, held_after, earned_after, owed_after, at)
            SELECT p_operation[i], 1, m.id, NULL, m.currency, m.version, p_amount[i] - m.debt, -m.debt,
                   m.available, m.held, m.earned, m.owed, moment FROM m
            UNION ALL
            SELECT p_operation[i], 2, NULL, p_house[i], m.currency, NULL, -p_amount[i], 0, NULL, NULL, NULL, NULL, moment
              FROM m
        )
        SELECT m.available INTO available FROM m;
        IF FOUND THEN
            RETURN NEXT; CONTINUE;
        END IF;
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT e.available_after INTO available
                  FROM escrow_entry e WHERE e.operation_id = escrow_credit.operation AND e.line = 1;
            ELSE
                operation := p_operation[i];
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];
        SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p_owner[i] AND x.currency = p_currency[i];
        available := w.available;
        code := CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN' ELSE 'WALLET_FROZEN' END;
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
    p_refund bigint[], p_fee_bps integer[], p_expired boolean[], p_actor uuid[], p_reason text[]
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
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, at)
            SELECT p_operation[i], p_scope[i], p_key[i], p_fingerprint[i],
                   CASE WHEN p_expired[i] THEN 'expire' WHEN p_settle[i] = 0 THEN 'refund'
                        WHEN p_refund[i] = 0 THEN 'settle' ELSE 'split' END,
                   t.id, p_actor[i], p_reason[i], moment FROM t
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

-- Lock holds in the order of their ids, then the wallets of their payers and payees in the order of theirs.
CREATE FUNCTION escrow_lock_holds(p_hold uuid[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    h escrow_hold;
BEGIN
    IF cardinality(p_hold) = 1 THEN
        SELECT * INTO h FROM escrow_hold x WHERE x.id = p_hold[1] FOR NO KEY UPDATE;
        PERFORM 1 FROM escrow_wallet x
          WHERE x.owner_id = ANY (ARRAY[h.payer_id, h.payee_id]) AND x.currency = h.currency
          ORDER BY x.id FOR NO KEY UPDATE;
    ELSE
        PERFORM 1 FROM escrow_hold x WHERE x.id = ANY (p_hold) ORDER BY x.id FOR NO KEY UPDATE;
        PERFORM 1 FROM escrow_wallet x
          WHERE x.id IN (SELECT y.id FROM escrow_hold z JOIN escrow_wallet y
                             ON y.currency = z.currency AND y.owner_id IN (z.payer_id, z.payee_id)
                          WHERE z.id = ANY (p_hold))
          ORDER BY x.id FOR NO KEY UPDATE;
    END IF;
END
$$;
