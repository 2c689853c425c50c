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
