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
