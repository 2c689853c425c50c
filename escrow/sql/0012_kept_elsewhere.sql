-- chains.sql, guards.sql, reversals.sql: points that another system keeps are not undone here; clearing.sql: a branch for
-- each line, as in batches.sql

-- Whether what an operation moved are points that another system keeps: it, or its hold, was paid through
-- loyalty_clearing. Such a hold has the key of the deposit before it (escrow_instant_cleared).
CREATE OR REPLACE FUNCTION escrow_kept_elsewhere(p_operation uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM escrow_entry e WHERE e.operation_id = p_operation AND e.house = 'loyalty_clearing'
         UNION ALL
        SELECT FROM escrow_operation o
          JOIN escrow_operation h ON h.hold_id = o.hold_id AND h.kind = 'hold'
          JOIN escrow_operation d ON d.scope = 'deposit' AND d.key = h.key
          JOIN escrow_entry e ON e.operation_id = d.id AND e.house = 'loyalty_clearing'
         WHERE o.id = p_operation)
$$;

-- Trigger function: points that another system keeps are never given or taken by undoing an operation of theirs here,
-- which the other system would not know.
CREATE OR REPLACE FUNCTION escrow_operation_undoes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF escrow_kept_elsewhere(NEW.reverses_id) THEN
        RAISE EXCEPTION 'operation % moved points that another system keeps', NEW.reverses_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_operation_undoes BEFORE INSERT ON escrow_operation
    FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION escrow_operation_undoes();

-- Reverse operations, each at most once: a wallet gives back what it gained, and gets back what it lost (which pays its
-- debt first). What was held and given away comes back as available; a debt that comes back is paid from available. Of
-- a chargeback's debt that was settled since, what write-offs settled is undone with it (escrow_unforgive); the rest,
-- which the wallet paid, is available again. An order whose chargeback is undone is paid again, and its disputes are
-- won. Locks the orders, then the wallets of the reversed operations.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, INVALID_TRANSITION (a kind that cannot be reversed, or reversed already),
-- KEPT_ELSEWHERE (points that another system keeps), INSUFFICIENT_BALANCE (a wallet no longer has what it gained:
-- nothing is taken).
CREATE OR REPLACE FUNCTION escrow_reverse(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_reverses uuid[], p_actor uuid[],
    p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    o escrow_operation;
    last record;  -- escrow_latest of it
    w escrow_wallet;
    e escrow_entry;
    v_now timestamptz;
    since bigint; undone bigint;  -- a chargeback's version, and what of its debt comes back from later write-offs
    wallet_ids uuid[]; d_available bigint[]; d_earned bigint[]; d_owed bigint[];  -- what changes, wallet by wallet
    a bigint; g bigint; d bigint; pays bigint;  -- of one wallet: available, earned, owed, what pays its debt
BEGIN
    -- Lock the orders, then the wallets, in id order.
    PERFORM 1 FROM escrow_order x
      WHERE x.deposit_id = ANY (p_reverses) OR x.chargeback_id = ANY (p_reverses) ORDER BY x.id FOR NO KEY UPDATE;
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
        SELECT * INTO last FROM escrow_latest(p_reverses[i]);
        SELECT * INTO o FROM escrow_operation x WHERE x.id = p_reverses[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';
        ELSIF NOT last.stands
            OR o.kind NOT IN ('deposit', 'award', 'settle', 'split', 'chargeback', 'write_off') THEN
            code := 'INVALID_TRANSITION';
        ELSIF escrow_kept_elsewhere(o.id) THEN
            code := 'KEPT_ELSEWHERE';
        END IF;

        -- Work out the opposite of each wallet's entry; refuse what a wallet does not have.
        wallet_ids := '{}'; d_available := '{}'; d_earned := '{}'; d_owed := '{}'; undone := 0;
        FOR e IN SELECT * FROM escrow_entry x
                  WHERE x.operation_id = o.id AND x.wallet_id IS NOT NULL ORDER BY x.line LOOP
            SELECT * INTO w FROM escrow_wallet x WHERE x.id = e.wallet_id;
            a := -e.d_available - e.d_held; g := -e.d_earned; d := -e.d_owed;
            IF o.kind = 'chargeback' AND w.owed + d < 0 THEN  -- the debt was settled since: by write-offs?
                SELECT least(-(w.owed + d), coalesce(sum(x.amount), 0)), e.version INTO undone, since
                  FROM escrow_write_offs_after(w.id, e.version) x;
                w.owed := w.owed + undone;
            END IF;
            IF w.owed + d < 0 THEN  -- the wallet paid the debt since: what paid it comes back
                a := a - (w.owed + d); d := -w.owed;
            END IF;
            pays := least(w.owed + d, greatest(w.available + a, 0));
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
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'reverse', o.hold_id, last.operation,
                p_actor[i], p_reason[i], v_now)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- an operation of another wallet took the key meanwhile
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        IF undone > 0 THEN
            PERFORM escrow_unforgive(p_operation[i], w.id, since, undone, p_actor[i], p_reason[i], v_now);
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

        -- The order of a chargeback is paid again, its disputes are won.
        IF o.kind = 'chargeback' THEN
            UPDATE escrow_dispute x SET state = 'won', won_at = v_now
              FROM escrow_order y WHERE y.chargeback_id = o.id AND x.order_id = y.id AND x.state = 'lost';
            UPDATE escrow_order x SET status = 'paid', chargeback_id = NULL, charged_back_at = NULL
             WHERE x.chargeback_id = o.id;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Take back deposits whose payment was charged back: from available, then from earned; the rest becomes a debt (owed).
-- The tokens go to the house account that paid the deposit. Also from a frozen wallet. A deposit whose chargeback was
-- undone is taken back again: the new chargeback reverses that undoing. Its order is charged back. Locks the orders,
-- then the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, INVALID_TRANSITION (no deposit, or undone by a correction), KEPT_ELSEWHERE
-- (points that another system keeps).
CREATE OR REPLACE FUNCTION escrow_chargeback(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_reverses uuid[], p_actor uuid[],
    p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, taken bigint, owed bigint)
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
DECLARE
    o escrow_operation;
    last record;  -- escrow_latest of it
    known uuid;
    w escrow_wallet;
    source escrow_entry;
    v_now timestamptz;
    amount bigint; a bigint; g bigint;  -- the deposit's, and what of it is taken from available and from earned
BEGIN
    -- Lock the orders, then the wallets, in id order.
    PERFORM 1 FROM escrow_order x
      WHERE x.deposit_id = ANY (p_reverses) OR x.chargeback_id = ANY (p_reverses) ORDER BY x.id FOR NO KEY UPDATE;
    PERFORM 1 FROM escrow_wallet x
      WHERE x.id IN (SELECT y.wallet_id FROM escrow_entry y WHERE y.operation_id = ANY (p_reverses))
      ORDER BY x.id FOR NO KEY UPDATE;
    v_now := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; replayed := false; operation := p_operation[i]; taken := 0; owed := 0;

        -- Return the standing chargeback of a known key.
        SELECT k.operation, k.code INTO known, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        SELECT * INTO last FROM escrow_latest(p_reverses[i]);
        IF code IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;
        IF known IS NOT NULL AND last.kind = 'chargeback' THEN
            replayed := true; operation := last.operation;
            SELECT -e.d_available - e.d_earned, e.d_owed INTO taken, owed
              FROM escrow_entry e WHERE e.operation_id = last.operation AND e.line = 1;
            RETURN NEXT; CONTINUE;
        END IF;

        -- Refuse what is no deposit, or does not stand.
        SELECT * INTO o FROM escrow_operation x WHERE x.id = p_reverses[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';
        ELSIF o.kind <> 'deposit' OR NOT last.stands THEN
            code := 'INVALID_TRANSITION';
        ELSIF escrow_kept_elsewhere(o.id) THEN
            code := 'KEPT_ELSEWHERE';
        END IF;
        IF code IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;
        SELECT * INTO source FROM escrow_entry x WHERE x.operation_id = o.id AND x.house IS NOT NULL;
        SELECT x.* INTO w FROM escrow_wallet x JOIN escrow_entry y ON y.wallet_id = x.id AND y.operation_id = o.id;

        -- Write the operation, the balances and the entries.
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id, actor, reason, at)
        VALUES (p_operation[i], p_scope[i],
                p_key[i] || CASE WHEN known IS NULL THEN '' ELSE format(':%s', last.operation) END,
                p_fingerprint[i], 'chargeback', last.operation, p_actor[i], p_reason[i], v_now)
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
        UPDATE escrow_order x SET status = 'charged_back', chargeback_id = p_operation[i], charged_back_at = v_now
         WHERE x.deposit_id = o.id;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Write holds of instant items whose payers' balances another system keeps: as escrow_instant, and each wallet gets what
-- it pays from the house account p_clearing before, and gives its award back to it after. It takes its three or five
-- steps at once and ends with the balances it began with; a debt (owed) stays. Returns how many. The caller has locked
-- the wallets and stored the items (p_item), finished. All refusals are defects, as in batches.sql.
CREATE OR REPLACE FUNCTION escrow_instant_cleared(
    p_at timestamptz, p_currency text, p_feature text, p_house text, p_clearing text, p_expires_s integer,
    p_wallet uuid[], p_available bigint[], p_owed bigint[], p_operation uuid[], p_key text[], p_fingerprint bytea[],
    p_hold uuid[], p_payer uuid[], p_amount bigint[], p_source text[], p_actor uuid[], p_reason text[], p_meta jsonb[],
    p_item uuid[], p_settle uuid[], p_settle_fingerprint bytea[], p_awarded bigint[], p_award uuid[],
    p_award_fingerprint bytea[], p_deposit uuid[], p_deposit_fingerprint bytea[], p_withdraw uuid[],
    p_withdraw_fingerprint bytea[]
) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    v_entries integer;
BEGIN
    IF (0 <= ALL (p_awarded) AND 1000000000 >= ALL (p_awarded)) IS NOT TRUE THEN
        RAISE EXCEPTION 'an award is out of range' USING ERRCODE = 'check_violation';
    END IF;

    -- Write the operations, those of an award only where there is one, and the holds, which are closed from the start.
    INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
    SELECT t.deposit, 'deposit', t.key, t.fingerprint, 'deposit', NULL::uuid, t.actor, '', t.meta, p_at
      FROM unnest(p_deposit, p_key, p_deposit_fingerprint, p_actor, p_meta) AS t(deposit, key, fingerprint, actor, meta)
    UNION ALL
    SELECT t.operation, 'hold:' || p_feature, t.key, t.fingerprint, 'hold', t.hold, t.actor, t.reason, t.meta, p_at
      FROM unnest(p_operation, p_key, p_fingerprint, p_hold, p_actor, p_reason, p_meta)
           AS t(operation, key, fingerprint, hold, actor, reason, meta)
    UNION ALL
    SELECT t.settle, 'close', t.item::text, t.fingerprint, 'settle', t.hold, t.actor, '', t.meta, p_at
      FROM unnest(p_settle, p_item, p_settle_fingerprint, p_hold, p_actor, p_meta)
           AS t(settle, item, fingerprint, hold, actor, meta)
    UNION ALL
    SELECT t.award, 'award', t.item::text, t.fingerprint, 'award', t.hold, t.actor, '', t.meta, p_at
      FROM unnest(p_award, p_item, p_award_fingerprint, p_hold, p_actor, p_meta, p_awarded)
           AS t(award, item, fingerprint, hold, actor, meta, awarded)
     WHERE t.awarded > 0
    UNION ALL
    SELECT t.withdraw, 'withdraw', t.key, t.fingerprint, 'withdraw', NULL, t.actor, '', t.meta, p_at
      FROM unnest(p_withdraw, p_key, p_withdraw_fingerprint, p_actor, p_meta, p_awarded)
           AS t(withdraw, key, fingerprint, actor, meta, awarded)
     WHERE t.awarded > 0;
    INSERT INTO escrow_hold (id, payer_id, payee_house, currency, feature, source_event_id, amount, captured, status,
                             expires_at, created_at, closed_at)
    SELECT t.hold, t.payer, p_house, p_currency, p_feature, t.source, t.amount, t.amount, 'SETTLED',
           p_at + make_interval(secs => p_expires_s), p_at, p_at
      FROM unnest(p_hold, p_payer, p_source, p_amount) AS t(hold, payer, source, amount);

    -- Raise the versions of the wallets that are where the decision saw them, and write the entries of each step:
    -- deposited, held, settled, awarded, withdrawn. A branch for each line, as in batches.sql.
    WITH moved AS (
        UPDATE escrow_wallet x SET version = x.version + CASE WHEN t.awarded > 0 THEN 5 ELSE 3 END
          FROM unnest(p_wallet, p_payer, p_available, p_owed, p_operation, p_settle, p_award, p_deposit, p_withdraw,
                      p_amount, p_awarded)
               AS t(wallet, payer, available, owed, operation, settle, award, deposit, withdraw, amount, awarded)
         WHERE x.id = t.wallet AND x.owner_id = t.payer AND x.currency = p_currency AND x.status = 'active'
           AND x.available = t.available AND x.owed = t.owed
        RETURNING x.version - CASE WHEN t.awarded > 0 THEN 5 ELSE 3 END AS version, x.held, x.earned, t.*
    )
    INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_held,
                              available_after, held_after, earned_after, owed_after, at)
    SELECT m.deposit, 1, m.wallet, NULL, p_currency, m.version + 1, m.amount, 0,
           m.available + m.amount, m.held, m.earned, m.owed, p_at FROM moved m
    UNION ALL
    SELECT m.deposit, 2, NULL, p_clearing, p_currency, NULL, -m.amount, 0, NULL, NULL, NULL, NULL, p_at FROM moved m
    UNION ALL
    SELECT m.operation, 1, m.wallet, NULL, p_currency, m.version + 2, -m.amount, m.amount,
           m.available, m.held + m.amount, m.earned, m.owed, p_at FROM moved m
    UNION ALL
    SELECT m.settle, 1, m.wallet, NULL, p_currency, m.version + 3, 0, -m.amount,
           m.available, m.held, m.earned, m.owed, p_at FROM moved m
    UNION ALL
    SELECT m.settle, 2, NULL, p_house, p_currency, NULL, m.amount, 0, NULL, NULL, NULL, NULL, p_at FROM moved m
    UNION ALL
    SELECT m.award, 1, m.wallet, NULL, p_currency, m.version + 4, m.awarded, 0,
           m.available + m.awarded, m.held, m.earned, m.owed, p_at
      FROM moved m WHERE m.awarded > 0
    UNION ALL
    SELECT m.award, 2, NULL, p_house, p_currency, NULL, -m.awarded, 0, NULL, NULL, NULL, NULL, p_at
      FROM moved m WHERE m.awarded > 0
    UNION ALL
    SELECT m.withdraw, 1, m.wallet, NULL, p_currency, m.version + 5, -m.awarded, 0,
           m.available, m.held, m.earned, m.owed, p_at
      FROM moved m WHERE m.awarded > 0
    UNION ALL
    SELECT m.withdraw, 2, NULL, p_clearing, p_currency, NULL, m.awarded, 0, NULL, NULL, NULL, NULL, p_at
      FROM moved m WHERE m.awarded > 0;
    GET DIAGNOSTICS v_entries = ROW_COUNT;

    -- Refuse the whole list if one was not.
    IF v_entries <> 5 * cardinality(p_hold) + 4 * cardinality(array_remove(p_awarded, 0)) THEN
        RAISE EXCEPTION 'a wallet is not where its decision found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN cardinality(p_hold);
END
$$;
