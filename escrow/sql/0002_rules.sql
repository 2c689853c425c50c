-- adjustments.sql

-- Write the entries of one operation between a wallet and a house account, and the wallet's next version; return the
-- wallet. The house account's delta is what makes the sum zero. The caller holds the wallet's lock and is one of the
-- functions below: this one may not write the ledger by itself (escrow_inside).
CREATE OR REPLACE FUNCTION escrow_book(
    p_operation uuid, p_wallet uuid, p_available bigint, p_earned bigint, p_owed bigint, p_house text,
    p_moment timestamptz
) RETURNS escrow_wallet
LANGUAGE plpgsql AS $$
DECLARE
    w escrow_wallet;
BEGIN
    UPDATE escrow_wallet x SET available = x.available + p_available, earned = x.earned + p_earned,
                               owed = x.owed + p_owed, version = x.version + 1
     WHERE x.id = p_wallet RETURNING x.* INTO w;
    INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_earned, d_owed,
                              available_after, held_after, earned_after, owed_after, at)
    VALUES (p_operation, 1, w.id, NULL, w.currency, w.version, p_available, p_earned, p_owed,
            w.available, w.held, w.earned, w.owed, p_moment),
           (p_operation, 2, NULL, p_house, w.currency, NULL, p_owed - p_available - p_earned, 0, 0,
            NULL, NULL, NULL, NULL, p_moment);
    RETURN w;
END
$$;

-- Reverse operations, each at most once: a wallet gives back what it gained, and gets back what it lost (which pays its
-- debt first). What was held and given away comes back as available. Locks the wallets of the reversed operations.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, INVALID_TRANSITION (a kind that cannot be reversed, or reversed already),
-- INSUFFICIENT_BALANCE (a wallet no longer has what it gained: nothing is taken).
CREATE OR REPLACE FUNCTION escrow_reverse(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_reverses uuid[], p_actor uuid[],
    p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    o escrow_operation;
    w escrow_wallet;
    e escrow_entry;
    v_now timestamptz;
    wallet_ids uuid[]; d_available bigint[]; d_earned bigint[]; d_owed bigint[];  -- what changes, wallet by wallet
    a bigint; g bigint; d bigint; pays bigint;  -- of one wallet: available, earned, owed, what pays its debt
BEGIN
    -- Lock the wallets, in id order.
    PERFORM 1 FROM escrow_wallet x
      WHERE x.id IN (SELECT y.wallet_id FROM escrow_entry y WHERE y.operation_id = ANY (p_reverses))
      ORDER BY x.id FOR NO KEY UPDATE;
    v_now := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i];

        -- Return the first result of a known key.
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN replayed := code IS NULL; RETURN NEXT; CONTINUE; END IF;
        operation := p_operation[i];

        -- Refuse what cannot be reversed.
        SELECT * INTO o FROM escrow_operation x WHERE x.id = p_reverses[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';
        ELSIF o.kind NOT IN ('deposit', 'award', 'settle', 'split', 'chargeback', 'write_off')
            OR EXISTS (SELECT 1 FROM escrow_operation x WHERE x.reverses_id = o.id) THEN
            code := 'INVALID_TRANSITION';
        END IF;

        -- Work out the opposite of each wallet's entry; refuse what a wallet does not have.
        wallet_ids := '{}'; d_available := '{}'; d_earned := '{}'; d_owed := '{}';
        FOR e IN SELECT * FROM escrow_entry x
                  WHERE x.operation_id = o.id AND x.wallet_id IS NOT NULL ORDER BY x.line LOOP
            SELECT * INTO w FROM escrow_wallet x WHERE x.id = e.wallet_id;
            a := -e.d_available - e.d_held; g := -e.d_earned; d := -e.d_owed;
            IF w.owed + d < 0 THEN  -- the debt has been paid since: what paid it is taken from available
                a := a - (w.owed + d); d := -w.owed;
            END IF;
            pays := least(w.owed + d, greatest(a, 0));
            a := a - pays; d := d - pays;
            pays := least(w.owed + d, greatest(g, 0));
            g := g - pays; d := d - pays;
            IF w.available + a < 0 OR w.earned + g < 0 THEN
                code := coalesce(code, 'INSUFFICIENT_BALANCE');
            END IF;
            wallet_ids := wallet_ids || w.id;
            d_available := d_available || a; d_earned := d_earned || g; d_owed := d_owed || d;
        END LOOP;
        IF code IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;

        -- Write the operation, the balances and the entries.
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, reverses_id, actor, reason, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'reverse', o.hold_id, o.id, p_actor[i],
                p_reason[i], v_now)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- an operation of another wallet took the key meanwhile
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        WITH moved AS (
            UPDATE escrow_wallet x SET available = x.available + t.a, earned = x.earned + t.g, owed = x.owed + t.d,
                                       version = x.version + 1
              FROM unnest(wallet_ids, d_available, d_earned, d_owed) WITH ORDINALITY AS t(id, a, g, d, n)
             WHERE x.id = t.id RETURNING x.*, t.a, t.g, t.d, t.n
        )
        INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_earned,
                                  d_owed, available_after, held_after, earned_after, owed_after, at)
        SELECT p_operation[i], m.n, m.id, NULL, m.currency, m.version, m.a, m.g, m.d,
               m.available, m.held, m.earned, m.owed, v_now FROM moved m
        UNION ALL
        SELECT p_operation[i], 100 + x.line, NULL, x.house, x.currency, NULL, -x.d_available, 0, 0,
               NULL, NULL, NULL, NULL, v_now
          FROM escrow_entry x WHERE x.operation_id = o.id AND x.house IS NOT NULL;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Take back deposits whose payment was charged back: from available, then from earned; the rest becomes a debt (owed).
-- The tokens go to the house account that paid the deposit. Also from a frozen wallet. Locks the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, INVALID_TRANSITION (no deposit, or taken back already).
CREATE OR REPLACE FUNCTION escrow_chargeback(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_reverses uuid[], p_actor uuid[],
    p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, taken bigint, owed bigint)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    o escrow_operation;
    w escrow_wallet;
    source escrow_entry;
    v_now timestamptz;
    amount bigint; a bigint; g bigint;  -- the deposit's, and what of it is taken from available and from earned
BEGIN
    -- Lock the wallets, in id order.
    PERFORM 1 FROM escrow_wallet x
      WHERE x.id IN (SELECT y.wallet_id FROM escrow_entry y WHERE y.operation_id = ANY (p_reverses))
      ORDER BY x.id FOR NO KEY UPDATE;
    v_now := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i]; taken := 0; owed := 0;

        -- Return the first result of a known key.
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT -e.d_available - e.d_earned, e.d_owed INTO taken, owed
                  FROM escrow_entry e WHERE e.operation_id = escrow_chargeback.operation AND e.line = 1;
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];

        -- Refuse what is no deposit, or was taken back.
        SELECT * INTO o FROM escrow_operation x WHERE x.id = p_reverses[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';
        ELSIF o.kind <> 'deposit' OR EXISTS (SELECT 1 FROM escrow_operation x WHERE x.reverses_id = o.id) THEN
            code := 'INVALID_TRANSITION';
        END IF;
        IF code IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;
        SELECT * INTO source FROM escrow_entry x WHERE x.operation_id = o.id AND x.house IS NOT NULL;
        SELECT x.* INTO w FROM escrow_wallet x JOIN escrow_entry y ON y.wallet_id = x.id AND y.operation_id = o.id;

        -- Write the operation, the balances and the entries.
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id, actor, reason, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'chargeback', o.id, p_actor[i], p_reason[i],
                v_now)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- an operation of another wallet took the key meanwhile
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        amount := -source.d_available;
        a := least(w.available, amount);
        g := least(w.earned, amount - a);
        taken := a + g; owed := amount - taken;
        PERFORM escrow_book(p_operation[i], w.id, -a, -g, owed, source.house, v_now);
        RETURN NEXT;
    END LOOP;
END
$$;

-- Write off debts: the house account losses takes over p_amount of owed. Also on a frozen wallet. Locks the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, INSUFFICIENT_BALANCE (more than is owed). An amount below 1 is a
-- defect (23514).
CREATE OR REPLACE FUNCTION escrow_write_off(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_owner uuid[], p_currency text[],
    p_amount bigint[], p_actor uuid[], p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, owed bigint)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    w escrow_wallet;
    v_now timestamptz;
BEGIN
    PERFORM escrow_lock_wallets(p_owner, p_currency);
    v_now := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; owed := NULL;

        -- Return the first result of a known key.
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT e.owed_after INTO owed
                  FROM escrow_entry e WHERE e.operation_id = escrow_write_off.operation AND e.line = 1;
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];

        -- Refuse what the wallet does not allow.
        SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p_owner[i] AND x.currency = p_currency[i];
        owed := w.owed;
        code := CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN' WHEN w.owed < p_amount[i] THEN 'INSUFFICIENT_BALANCE' END;
        IF code IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;
        IF p_amount[i] < 1 THEN
            RAISE EXCEPTION 'amount % is out of range', p_amount[i] USING ERRCODE = 'check_violation';
        END IF;

        -- Write the operation, the balances and the entries.
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, actor, reason, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'write_off', p_actor[i], p_reason[i], v_now)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- an operation of another wallet took the key meanwhile
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        w := escrow_book(p_operation[i], w.id, 0, 0, -p_amount[i], 'losses', v_now);
        owed := w.owed;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Repair wallets whose row was changed from outside: write back the balances of their last entry, by an operation
-- whose entry has no deltas. Its key is the wallet and the version that it repairs. A row whose version was changed too
-- cannot be repaired: restore it from a backup. Locks the wallets.
-- Codes: NOT_FOUND, INVALID_TRANSITION (nothing to repair, or the version does not follow).
CREATE OR REPLACE FUNCTION escrow_repair(p_operation uuid[], p_wallet uuid[], p_actor uuid[], p_reason text[])
RETURNS TABLE (ord integer, code text, operation uuid, wallet uuid)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    w escrow_wallet;
    e escrow_entry;
    v_now timestamptz;
BEGIN
    -- Lock the wallets, in id order.
    PERFORM 1 FROM escrow_wallet x WHERE x.id = ANY (p_wallet) ORDER BY x.id FOR NO KEY UPDATE;
    v_now := core_now();
    FOR i IN 1 .. cardinality(p_wallet) LOOP
        ord := i; code := NULL; operation := p_operation[i]; wallet := p_wallet[i];

        -- Refuse a row that is right, or that does not follow its last entry.
        SELECT * INTO w FROM escrow_wallet x WHERE x.id = p_wallet[i];
        SELECT * INTO e FROM escrow_entry x WHERE x.wallet_id = w.id ORDER BY x.version DESC LIMIT 1;
        code := CASE WHEN w.id IS NULL THEN 'NOT_FOUND'
                     WHEN w.version IS DISTINCT FROM e.version
                          OR (w.available, w.held, w.earned, w.owed)
                             = (e.available_after, e.held_after, e.earned_after, e.owed_after)
                         THEN 'INVALID_TRANSITION' END;
        IF code IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;

        -- Write the operation, the balances and the entries.
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, actor, reason, at)
        VALUES (p_operation[i], 'repair', format('%s:%s', w.id, w.version), ''::bytea, 'repair', p_actor[i],
                p_reason[i], v_now);
        UPDATE escrow_wallet x SET available = e.available_after, held = e.held_after, earned = e.earned_after,
                                   owed = e.owed_after, version = x.version + 1
         WHERE x.id = w.id RETURNING x.* INTO w;
        INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, available_after, held_after,
                                  earned_after, owed_after, at)
        VALUES (p_operation[i], 1, w.id, w.currency, w.version, w.available, w.held, w.earned, w.owed, v_now);
        RETURN NEXT;
    END LOOP;
END
$$;

-- closes.sql

-- Close holds in full: p_settle goes to the payee (less the fee of p_fee_bps basis points, if a performer), p_refund to
-- the payer. p_settle = 0 is a refund, or an expiry if p_expired. What a wallet gets pays its debt (owed) first.
-- A frozen wallet may be refunded, but not settled from or to. Locks the holds, then the payers' and payees' wallets.
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
    v_now timestamptz;
    known record;
    ending text;
    net bigint;         -- what the payee gets: p_settle less the fee
    payer_debt bigint;  -- the part of the refund that pays the payer's debt
    payee_debt bigint;  -- the part of net that pays the payee's debt
BEGIN
    -- Lock the holds and wallets of a list, in id order.
    IF cardinality(p_key) > 1 THEN
        PERFORM escrow_lock_holds(p_hold);
    END IF;
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i]; hold := p_hold[i];

        -- Lock the hold, then the wallets of its payer and payee, in id order.
        SELECT * INTO h FROM escrow_hold x WHERE x.id = p_hold[i] FOR NO KEY UPDATE;
        payer := NULL; payee := NULL;
        FOR w IN SELECT * FROM escrow_wallet x
                  WHERE x.owner_id = ANY (ARRAY[h.payer_id, h.payee_id]) AND x.currency = h.currency
                  ORDER BY x.id FOR NO KEY UPDATE LOOP
            IF w.owner_id = h.payer_id THEN payer := w; ELSE payee := w; END IF;
        END LOOP;
        v_now := coalesce(v_now, core_now());

        -- Refuse what cannot be closed like this.
        code := CASE WHEN h.id IS NULL THEN 'NOT_FOUND'
                     WHEN h.status <> 'HELD' THEN 'HOLD_CLOSED'
                     WHEN p_settle[i] < 0 OR p_refund[i] < 0 OR p_settle[i] + p_refund[i] <> h.amount
                         THEN 'SPLIT_MISMATCH'
                     WHEN p_settle[i] > 0 AND (payer.status <> 'active' OR payee.status <> 'active')
                         THEN 'WALLET_FROZEN' END;

        -- Write the operation.
        IF code IS NULL AND (h.payee_id IS NULL OR payee.id IS NOT NULL) THEN
            ending := CASE WHEN p_expired[i] THEN 'expire' WHEN p_settle[i] = 0 THEN 'refund'
                           WHEN p_refund[i] = 0 THEN 'settle' ELSE 'split' END;
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], ending, h.id, p_actor[i], p_reason[i],
                    p_meta[i], v_now)
            ON CONFLICT (scope, key) DO NOTHING;
            IF FOUND THEN
                -- Work out the fee and what pays debts.
                fee := CASE WHEN h.payee_id IS NULL THEN 0 ELSE p_settle[i] * p_fee_bps[i] / 10000 END;
                net := p_settle[i] - fee;
                payer_debt := least(payer.owed, p_refund[i]);
                payee_debt := least(payee.owed, net);

                -- Close the hold and move the balances.
                UPDATE escrow_hold x
                   SET captured = p_settle[i], released = p_refund[i], closed_at = v_now,
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

                -- Write the entries: 1 the payer's, 2 the payee's or the house account's, 3 the fee.
                INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_held,
                                          d_earned, d_owed, available_after, held_after, earned_after, owed_after, at)
                SELECT p_operation[i], l.line, l.wallet, l.house, h.currency, l.version, l.a, l.h, l.e, l.o,
                       l.available, l.held, l.earned, l.owed, v_now
                  FROM (VALUES
                    (true, 1, payer.id, NULL, payer.version, p_refund[i] - payer_debt, -h.amount, 0, -payer_debt,
                     payer.available, payer.held, payer.earned, payer.owed),
                    (h.payee_id IS NOT NULL AND net > 0, 2, payee.id, NULL, payee.version, 0, 0, net - payee_debt,
                     -payee_debt, payee.available, payee.held, payee.earned, payee.owed),
                    (h.payee_id IS NULL AND net > 0, 2, NULL, h.payee_house, NULL, net, 0, 0, 0,
                     NULL, NULL, NULL, NULL),
                    (fee > 0, 3, NULL, 'revenue', NULL, fee, 0, 0, 0, NULL, NULL, NULL, NULL)
                  ) AS l(is_written, line, wallet, house, version, a, h, e, o, available, held, earned, owed)
                 WHERE l.is_written;
                available := payer.available;
                RETURN NEXT; CONTINUE;
            END IF;
        END IF;

        -- Nothing was written: return the first result of a known key, else why.
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

-- credits.sql

-- Credit wallets from a house account: p_kind is deposit (from sales, mint or loyalty_clearing) or award (slots_bank).
-- What a wallet gets pays its debt (owed) first. Locks the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN. An amount out of range is a defect (23514).
CREATE OR REPLACE FUNCTION escrow_credit(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_kind text[], p_owner uuid[],
    p_house text[], p_currency text[], p_amount bigint[], p_hold uuid[], p_actor uuid[], p_reason text[], p_meta jsonb[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, available bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    w escrow_wallet;
    v_now timestamptz;
    debt bigint;  -- the part of the amount that pays the wallet's debt
BEGIN
    -- Lock the wallets of a list, in id order.
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
        v_now := coalesce(v_now, core_now());

        -- Write the operation, then the balances and the entries if the key was new.
        IF w.status = 'active' THEN
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
            VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], p_kind[i], p_hold[i], p_actor[i],
                    p_reason[i], p_meta[i], v_now)
            ON CONFLICT (scope, key) DO NOTHING;
            IF FOUND THEN
                debt := least(w.owed, p_amount[i]);
                UPDATE escrow_wallet x SET available = x.available + p_amount[i] - debt, owed = x.owed - debt,
                                           version = x.version + 1
                 WHERE x.id = w.id RETURNING x.* INTO w;
                INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_owed,
                                          available_after, held_after, earned_after, owed_after, at)
                VALUES (p_operation[i], 1, w.id, NULL, w.currency, w.version, p_amount[i] - debt, -debt,
                        w.available, w.held, w.earned, w.owed, v_now),
                       (p_operation[i], 2, NULL, p_house[i], w.currency, NULL, -p_amount[i], 0,
                        NULL, NULL, NULL, NULL, v_now);
                available := w.available;
                RETURN NEXT; CONTINUE;
            END IF;
        END IF;

        -- Nothing was written: return the first result of a known key, else why.
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

-- domains.sql

-- What a single value may be is a rule of its type: PostgreSQL reads it once per session, and a table's CHECK once per
-- statement (ADR 0041). Domains and columns are made by migrations, like tables; their rules are in force here.

-- varchar(5): of wallets, holds and entries
ALTER DOMAIN escrow_currency DROP CONSTRAINT IF EXISTS escrow_currency_known;
ALTER DOMAIN escrow_currency ADD CONSTRAINT escrow_currency_known CHECK (VALUE IN ('TOKEN', 'POINT'));
-- varchar(20): the house accounts
ALTER DOMAIN escrow_house DROP CONSTRAINT IF EXISTS escrow_house_known;
ALTER DOMAIN escrow_house ADD CONSTRAINT escrow_house_known CHECK (
    VALUE IN ('revenue', 'slots_bank', 'sales', 'mint', 'payouts', 'loyalty_clearing', 'losses'));
-- varchar(20): what an operation does
ALTER DOMAIN escrow_kind DROP CONSTRAINT IF EXISTS escrow_kind_known;
ALTER DOMAIN escrow_kind ADD CONSTRAINT escrow_kind_known CHECK (
    VALUE IN ('deposit', 'hold', 'settle', 'split', 'refund', 'expire', 'award', 'reverse', 'chargeback', 'write_off',
              'payout', 'payout_reject', 'repair'));
-- varchar(6)
ALTER DOMAIN escrow_wallet_status DROP CONSTRAINT IF EXISTS escrow_wallet_status_known;
ALTER DOMAIN escrow_wallet_status ADD CONSTRAINT escrow_wallet_status_known CHECK (VALUE IN ('active', 'frozen'));
-- bigint: of holds
ALTER DOMAIN escrow_amount DROP CONSTRAINT IF EXISTS escrow_amount_in_range;
ALTER DOMAIN escrow_amount ADD CONSTRAINT escrow_amount_in_range CHECK (VALUE BETWEEN 1 AND 1000000000);
-- bigint: a wallet's four balances and its version
ALTER DOMAIN escrow_balance DROP CONSTRAINT IF EXISTS escrow_balance_not_negative;
ALTER DOMAIN escrow_balance ADD CONSTRAINT escrow_balance_not_negative CHECK (VALUE >= 0);

-- freezes.sql

-- Trigger function: a wallet is frozen exactly while it has an open freeze, which says since when, why and by whom
-- (23000). Deferred to the end of the transaction, since one of the two rows is written first.
CREATE OR REPLACE FUNCTION escrow_freeze_agrees() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    subject uuid;
BEGIN
    IF TG_TABLE_NAME = 'escrow_freeze' THEN
        subject := NEW.wallet_id;
    ELSE
        subject := NEW.id;
    END IF;
    IF EXISTS (SELECT FROM escrow_wallet w
                WHERE w.id = subject AND (w.status = 'frozen') <> EXISTS (
                    SELECT FROM escrow_freeze f WHERE f.wallet_id = w.id AND f.thawed_at IS NULL)) THEN
        RAISE EXCEPTION 'wallet % is frozen by an open freeze, and by nothing else', subject
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS escrow_wallet_freezes ON escrow_wallet;
CREATE CONSTRAINT TRIGGER escrow_wallet_freezes AFTER INSERT OR UPDATE OF status ON escrow_wallet
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escrow_freeze_agrees();
DROP TRIGGER IF EXISTS escrow_freeze_agrees ON escrow_freeze;
CREATE CONSTRAINT TRIGGER escrow_freeze_agrees AFTER INSERT OR UPDATE ON escrow_freeze
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escrow_freeze_agrees();

-- Trigger function: a freeze ends once, with a reason, and nothing else of it changes (23000).
CREATE OR REPLACE FUNCTION escrow_freeze_ends() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.thawed_at IS NULL AND NEW.thawed_at IS NOT NULL AND NEW.thaw_reason <> ''
        AND (NEW.id, NEW.wallet_id, NEW.finding_id, NEW.reason, NEW.frozen_by, NEW.frozen_at)
        IS NOT DISTINCT FROM (OLD.id, OLD.wallet_id, OLD.finding_id, OLD.reason, OLD.frozen_by, OLD.frozen_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a freeze keeps what it says and ends once, with a reason'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE OR REPLACE TRIGGER escrow_freeze_ends BEFORE UPDATE ON escrow_freeze
    FOR EACH ROW EXECUTE FUNCTION escrow_freeze_ends();

-- guards.sql

-- Guards of the ledger: they hold against raw SQL too. Every refusal of a guard is SQLSTATE 23000.

-- True inside the functions that may write the ledger: each carries SET escrow.writing = 'on', which PostgreSQL applies
-- for the length of the call and takes back at its end, also after an exception (ADR 0037).
CREATE OR REPLACE FUNCTION escrow_inside() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT current_setting('escrow.writing', true) IS NOT DISTINCT FROM 'on'
$$;

-- Trigger function: refuses a write from outside the escrow functions.
CREATE OR REPLACE FUNCTION escrow_only_inside() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION '% is written by the escrow functions only', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER escrow_operation_writer BEFORE INSERT ON escrow_operation
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();

-- Operations and entries are never changed or deleted; wallets and holds are never deleted.
CREATE OR REPLACE TRIGGER escrow_operation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_operation
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_entry
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_hold_kept BEFORE DELETE OR TRUNCATE ON escrow_hold
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_wallet_kept BEFORE DELETE OR TRUNCATE ON escrow_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: a wallet starts empty, at version 0.
CREATE OR REPLACE FUNCTION escrow_wallet_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version) <> (0, 0, 0, 0, 0) THEN
        RAISE EXCEPTION 'a wallet starts empty' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_wallet_begins BEFORE INSERT ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_begins();

-- Trigger function: balances change inside the escrow functions only, and each change raises the version by one.
CREATE OR REPLACE FUNCTION escrow_wallet_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = OLD.version + 1 AND escrow_inside() THEN
        RETURN NEW;
    END IF;
    IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version)
        IS DISTINCT FROM (OLD.available, OLD.held, OLD.earned, OLD.owed, OLD.version) THEN
        RAISE EXCEPTION 'balances move by escrow functions only, one version at a time'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_wallet_moves BEFORE UPDATE OF available, held, earned, owed, version ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_moves();

-- Trigger function: a wallet keeps its owner and currency.
CREATE OR REPLACE FUNCTION escrow_wallet_keeps() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.owner_id, NEW.currency, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.owner_id, OLD.currency, OLD.created_at) THEN
        RAISE EXCEPTION 'a wallet keeps its owner and currency' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_wallet_keeps BEFORE UPDATE OF id, owner_id, currency, created_at ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_keeps();

-- Trigger function: a hold opens as HELD, for one payee other than its payer, inside the escrow functions only.
CREATE OR REPLACE FUNCTION escrow_hold_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'HELD' AND NEW.captured = 0 AND NEW.released = 0 AND NEW.closed_at IS NULL
        AND num_nonnulls(NEW.payee_id, NEW.payee_house) = 1 AND NEW.payee_id IS DISTINCT FROM NEW.payer_id
        AND escrow_inside() THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN NOT escrow_inside() THEN 'a hold is written by the escrow functions only'
        WHEN num_nonnulls(NEW.payee_id, NEW.payee_house) <> 1 THEN 'a hold has one payee'
        WHEN NEW.payee_id = NEW.payer_id THEN 'a hold is not to oneself'
        ELSE 'a hold opens as HELD, nothing of it captured or released' END
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE OR REPLACE TRIGGER escrow_hold_begins BEFORE INSERT ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION escrow_hold_begins();

-- Trigger function: a hold closes once and in full, with the status that its two parts say.
CREATE OR REPLACE FUNCTION escrow_hold_ends() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'HELD' AND least(NEW.captured, NEW.released) >= 0 AND escrow_inside() AND (CASE
        WHEN NEW.closed_at IS NULL THEN NEW.status = 'HELD' AND NEW.captured + NEW.released = 0
        WHEN NEW.captured + NEW.released <> NEW.amount THEN false
        WHEN NEW.released = 0 THEN NEW.status = 'SETTLED'
        WHEN NEW.captured = 0 THEN NEW.status IN ('REFUNDED', 'EXPIRED')
        ELSE NEW.status = 'SPLIT' END) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN NOT escrow_inside() THEN 'a hold is written by the escrow functions only'
        WHEN OLD.status <> 'HELD' THEN format('hold %s is closed', OLD.id)
        ELSE 'a hold closes in full' END
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE OR REPLACE TRIGGER escrow_hold_ends BEFORE UPDATE OF status, captured, released, closed_at ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION escrow_hold_ends();

-- Trigger function: a hold keeps its terms; only its expiry may be removed, while it is open.
CREATE OR REPLACE FUNCTION escrow_hold_keeps() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION 'a hold is written by the escrow functions only'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status <> 'HELD' THEN
        RAISE EXCEPTION 'hold % is closed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.payer_id, NEW.payee_id, NEW.payee_house, NEW.currency, NEW.feature, NEW.source_event_id,
        NEW.amount, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.payer_id, OLD.payee_id, OLD.payee_house, OLD.currency, OLD.feature,
        OLD.source_event_id, OLD.amount, OLD.created_at)
        OR (NEW.expires_at IS NOT NULL AND NEW.expires_at IS DISTINCT FROM OLD.expires_at) THEN
        RAISE EXCEPTION 'a hold keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_hold_keeps BEFORE UPDATE OF id, payer_id, payee_id, payee_house, currency, feature,
    source_event_id, amount, created_at, expires_at ON escrow_hold FOR EACH ROW EXECUTE FUNCTION escrow_hold_keeps();

-- Trigger function, once per INSERT statement: an entry is a wallet's, with its version and the balances after it, or a
-- house account's, which has one balance and none of these. Per operation and currency the deltas sum to zero.
CREATE OR REPLACE FUNCTION escrow_entry_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION 'entries are written by the escrow functions only'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    -- Nothing to add up where every entry is a wallet's and sums to zero by itself, as a hold's does.
    IF NOT EXISTS (
        SELECT FROM fresh
         WHERE d_available + d_held + d_earned - d_owed <> 0
            OR num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after) <> 6
            OR house IS NOT NULL) THEN
        RETURN NULL;
    END IF;

    -- Refuse an entry that is neither a wallet's nor a house account's.
    SELECT operation_id INTO wrong FROM fresh
     WHERE CASE WHEN house IS NULL
            THEN num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after) <> 6
            ELSE num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after) <> 0
                OR d_held <> 0 OR d_earned <> 0 OR d_owed <> 0 END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an entry of operation % is neither of a wallet nor of a house account', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    -- Refuse an operation that does not sum to zero.
    SELECT operation_id INTO wrong FROM fresh
     GROUP BY operation_id, currency
    HAVING sum(d_available + d_held + d_earned - d_owed) <> 0
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % does not sum to zero', wrong USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER escrow_entry_begins AFTER INSERT ON escrow_entry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_entry_begins();

-- holds.sql

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

-- keys.sql

-- What is known of an idempotency key: no row if it is unused; the id of its operation if the fingerprint is the same;
-- else IDEMPOTENCY_KEY_REUSED.
CREATE OR REPLACE FUNCTION escrow_known(p_scope text, p_key text, p_fingerprint bytea)
RETURNS TABLE (operation uuid, code text)
LANGUAGE sql STABLE AS $$
    SELECT o.id, CASE WHEN o.fingerprint <> p_fingerprint THEN 'IDEMPOTENCY_KEY_REUSED' END
      FROM escrow_operation o WHERE o.scope = p_scope AND o.key = p_key
$$;

-- locks.sql

-- Lock the wallets of (owner, currency) pairs, in the order of their ids.
CREATE OR REPLACE FUNCTION escrow_lock_wallets(p_owner uuid[], p_currency text[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM 1 FROM escrow_wallet x
      WHERE (x.owner_id, x.currency) IN (SELECT t.o, t.c FROM unnest(p_owner, p_currency) AS t(o, c))
      ORDER BY x.id FOR NO KEY UPDATE;
END
$$;

-- Lock holds, in the order of their ids, then the wallets of their payers and payees, in the order of theirs.
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

-- Lock holds, in the order of their ids, and return them. With p_lift also remove the expiry of those that are open and
-- not expired: from intake on, the queue alone closes a hold.
CREATE OR REPLACE FUNCTION escrow_claim(p_hold uuid[], p_lift boolean) RETURNS SETOF escrow_hold
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
BEGIN
    PERFORM 1 FROM escrow_hold x WHERE x.id = ANY (p_hold) ORDER BY x.id FOR NO KEY UPDATE;
    IF p_lift THEN
        UPDATE escrow_hold x SET expires_at = NULL
         WHERE x.id = ANY (p_hold) AND x.status = 'HELD' AND x.expires_at > core_now();
    END IF;
    RETURN QUERY SELECT * FROM escrow_hold x WHERE x.id = ANY (p_hold);
END
$$;

-- payouts.sql

-- Request payouts: p_amount of a performer's earned tokens moves to the house account payouts at once. What the
-- performer owes stays in the wallet. Locks the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, PAYOUT_TOO_SMALL, INSUFFICIENT_BALANCE.
CREATE OR REPLACE FUNCTION escrow_payout(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_payout uuid[], p_owner uuid[],
    p_amount bigint[], p_minimum bigint, p_actor uuid[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, payout uuid, earned bigint)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    w escrow_wallet;
    v_now timestamptz;
BEGIN
    -- Lock the wallets, in id order.
    PERFORM 1 FROM escrow_wallet x
      WHERE x.owner_id = ANY (p_owner) AND x.currency = 'TOKEN' ORDER BY x.id FOR NO KEY UPDATE;
    v_now := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; payout := p_payout[i]; earned := NULL;

        -- Return the first result of a known key.
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT y.id, e.earned_after INTO payout, earned
                  FROM escrow_payout y JOIN escrow_entry e ON e.operation_id = y.operation_id AND e.line = 1
                 WHERE y.operation_id = escrow_payout.operation;
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];

        -- Refuse what the wallet does not allow.
        SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p_owner[i] AND x.currency = 'TOKEN';
        earned := w.earned;
        code := CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN'
                     WHEN w.status <> 'active' THEN 'WALLET_FROZEN'
                     WHEN p_amount[i] < p_minimum THEN 'PAYOUT_TOO_SMALL'
                     WHEN w.earned - w.owed < p_amount[i] THEN 'INSUFFICIENT_BALANCE' END;
        IF code IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;

        -- Write the operation, the balances and the entries.
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, actor, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'payout', p_actor[i], v_now)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- an operation of another wallet took the key meanwhile
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        w := escrow_book(p_operation[i], w.id, 0, -p_amount[i], 0, 'payouts', v_now);
        INSERT INTO escrow_payout (id, performer_id, amount, operation_id, requested_at)
        VALUES (p_payout[i], w.owner_id, p_amount[i], p_operation[i], v_now);
        earned := w.earned;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Decide payouts: approve, or reject and move the tokens back to earned (which pays a debt first; also to a frozen
-- wallet). A payout is decided once: the same decision by the same actor is a replay. Locks the payouts, then the
-- wallets.
-- Codes: NOT_FOUND, APPROVAL_CLOSED (decided otherwise).
CREATE OR REPLACE FUNCTION escrow_decide_payout(
    p_operation uuid[], p_payout uuid[], p_approve boolean[], p_actor uuid[], p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, payout uuid)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    p escrow_payout;
    w escrow_wallet;
    v_now timestamptz;
    debt bigint;  -- the part of a rejected amount that pays the wallet's debt
BEGIN
    -- Lock the payouts, then the wallets, in id order.
    PERFORM 1 FROM escrow_payout x WHERE x.id = ANY (p_payout) ORDER BY x.id FOR NO KEY UPDATE;
    PERFORM 1 FROM escrow_wallet x
      WHERE x.currency = 'TOKEN'
        AND x.owner_id IN (SELECT y.performer_id FROM escrow_payout y WHERE y.id = ANY (p_payout))
      ORDER BY x.id FOR NO KEY UPDATE;
    v_now := core_now();
    FOR i IN 1 .. cardinality(p_payout) LOOP
        ord := i; code := NULL; replayed := false; operation := NULL; payout := p_payout[i];
        SELECT * INTO p FROM escrow_payout x WHERE x.id = p_payout[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';

        -- Decided already: a replay, or refused.
        ELSIF p.status <> 'requested' THEN
            replayed := p.status = CASE WHEN p_approve[i] THEN 'approved' ELSE 'rejected' END
                        AND p.decided_by IS NOT DISTINCT FROM p_actor[i];
            operation := p.rejection_id;
            code := CASE WHEN NOT replayed THEN 'APPROVAL_CLOSED' END;

        -- Approve: the tokens left the wallet with the request.
        ELSIF p_approve[i] THEN
            UPDATE escrow_payout x SET status = 'approved', decided_at = v_now, decided_by = p_actor[i],
                                       reason = p_reason[i] WHERE x.id = p.id;

        -- Reject: move the tokens back, a debt first.
        ELSE
            operation := p_operation[i];
            SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p.performer_id AND x.currency = 'TOKEN';
            debt := least(w.owed, p.amount);
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id, actor, reason, at)
            VALUES (p_operation[i], 'payout_reject', p.id::text, ''::bytea, 'payout_reject', p.operation_id,
                    p_actor[i], p_reason[i], v_now);
            PERFORM escrow_book(p_operation[i], w.id, 0, p.amount - debt, -debt, 'payouts', v_now);
            UPDATE escrow_payout x SET status = 'rejected', decided_at = v_now, decided_by = p_actor[i],
                                       reason = p_reason[i], rejection_id = p_operation[i] WHERE x.id = p.id;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- records.sql

-- Guards of the records around the ledger. None of them is ever deleted; every refusal is SQLSTATE 23000.
CREATE OR REPLACE TRIGGER escrow_payout_kept BEFORE DELETE OR TRUNCATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_approval_kept BEFORE DELETE OR TRUNCATE ON escrow_approval
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_order_kept BEFORE DELETE OR TRUNCATE ON escrow_order
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_package_kept BEFORE DELETE OR TRUNCATE ON escrow_tokenpackage
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_finding_kept BEFORE DELETE OR TRUNCATE ON escrow_finding
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_freeze_kept BEFORE DELETE OR TRUNCATE ON escrow_freeze
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Payment events, runs of the verifier and house snapshots are never changed either.
CREATE OR REPLACE TRIGGER escrow_payment_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_paymentevent
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_verification_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_verification
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_house_snapshot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_housesnapshot
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: a payout starts as requested, is decided once and keeps its terms.
CREATE OR REPLACE FUNCTION escrow_payout_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'requested' THEN
            RAISE EXCEPTION 'a payout begins as requested' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'requested' THEN
        RAISE EXCEPTION 'payout % is decided', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.performer_id, NEW.amount, NEW.operation_id, NEW.requested_at)
        <> (OLD.id, OLD.performer_id, OLD.amount, OLD.operation_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'a payout keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_payout_guard BEFORE INSERT OR UPDATE ON escrow_payout
    FOR EACH ROW EXECUTE FUNCTION escrow_payout_guard();
CREATE OR REPLACE TRIGGER escrow_payout_writer BEFORE INSERT OR UPDATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();

-- Trigger function: an approval starts open, is decided once and keeps its terms.
CREATE OR REPLACE FUNCTION escrow_approval_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'an approval begins open' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'open' THEN
        RAISE EXCEPTION 'approval % is closed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.kind, NEW.user_id, NEW.currency, NEW.amount, NEW.reason, NEW.requested_by_id, NEW.requested_at)
        <> (OLD.id, OLD.kind, OLD.user_id, OLD.currency, OLD.amount, OLD.reason, OLD.requested_by_id, OLD.requested_at)
        OR NEW.reverses_id IS DISTINCT FROM OLD.reverses_id OR NEW.payout_id IS DISTINCT FROM OLD.payout_id THEN
        RAISE EXCEPTION 'an approval keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_approval_guard BEFORE INSERT OR UPDATE ON escrow_approval
    FOR EACH ROW EXECUTE FUNCTION escrow_approval_guard();

-- Trigger function: an order is charged back at most once and keeps its terms.
CREATE OR REPLACE FUNCTION escrow_order_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'paid' THEN
        RAISE EXCEPTION 'order % is charged back', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.reference, NEW.user_id, NEW.package_id, NEW.tokens, NEW.deposit_id, NEW.paid_at)
        <> (OLD.id, OLD.reference, OLD.user_id, OLD.package_id, OLD.tokens, OLD.deposit_id, OLD.paid_at) THEN
        RAISE EXCEPTION 'an order keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_order_guard BEFORE UPDATE ON escrow_order
    FOR EACH ROW EXECUTE FUNCTION escrow_order_guard();

-- Trigger function: a package keeps its tokens and price; a payment under way was begun for these.
CREATE OR REPLACE FUNCTION escrow_package_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.tokens, NEW.price_minor, NEW.price_currency, NEW.created_at)
        <> (OLD.id, OLD.tokens, OLD.price_minor, OLD.price_currency, OLD.created_at) THEN
        RAISE EXCEPTION 'a package keeps its tokens and price' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_package_guard BEFORE UPDATE ON escrow_tokenpackage
    FOR EACH ROW EXECUTE FUNCTION escrow_package_guard();
