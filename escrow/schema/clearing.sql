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
