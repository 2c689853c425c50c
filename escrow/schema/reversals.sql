-- Undo the write-offs of a wallet that are later than its entry p_version, the newest first, so that p_amount of debt
-- comes back, which is at most what escrow_forgiven says. What the last of them cancelled beyond that is written off
-- again. They are undone with p_operation, by its actor and for its reason. The caller holds the wallet's lock and is
-- escrow_reverse.
CREATE OR REPLACE FUNCTION escrow_unforgive(
    p_operation uuid, p_wallet uuid, p_version bigint, p_amount bigint, p_actor uuid, p_reason text,
    p_moment timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    f record;
    v_id uuid;
    missing bigint := p_amount;  -- what is still to come back; below zero: what came back beyond p_amount
BEGIN
    FOR f IN SELECT * FROM escrow_write_offs_after(p_wallet, p_version) x ORDER BY x.version DESC LOOP
        EXIT WHEN missing <= 0;
        v_id := escrow_sibling(p_operation);
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id, actor, reason, meta, at)
        VALUES (v_id, 'reverse', f.operation::text, sha256(convert_to(f.operation::text, 'UTF8')), 'reverse',
                f.operation, p_actor, p_reason, jsonb_build_object('with', p_operation), p_moment);
        PERFORM escrow_book(v_id, p_wallet, 0, 0, f.amount, 'losses', p_moment);
        missing := missing - f.amount;
    END LOOP;
    IF missing < 0 THEN
        v_id := escrow_sibling(p_operation);
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, actor, reason, meta, at)
        VALUES (v_id, 'write_off', format('rest:%s', p_operation), ''::bytea, 'write_off', p_actor, p_reason,
                jsonb_build_object('with', p_operation), p_moment);
        PERFORM escrow_book(v_id, p_wallet, 0, 0, missing, 'losses', p_moment);
    END IF;
END
$$;

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
