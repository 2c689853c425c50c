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
