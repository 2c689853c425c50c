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
