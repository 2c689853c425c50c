-- batches.sql: a branch for each line of an instant; expressions of a lateral VALUES are made anew for each element.

-- Write holds of instant items that are settled in full to the house account p_house, and pay the awards out of it: the
-- operations, holds and entries that escrow_hold, escrow_close and escrow_credit would write, without their looks. A wallet
-- takes its two or three steps at once. An award of 0 is none; what is awarded pays the wallet's debt (owed) first. Returns
-- how many. The caller has locked the wallets and stored the items (p_item), finished.
CREATE OR REPLACE FUNCTION escrow_instant(
    p_at timestamptz, p_currency text, p_feature text, p_house text, p_expires_s integer,
    p_wallet uuid[], p_available bigint[], p_owed bigint[], p_operation uuid[], p_key text[], p_fingerprint bytea[],
    p_hold uuid[], p_payer uuid[], p_amount bigint[], p_source text[], p_actor uuid[], p_reason text[], p_meta jsonb[],
    p_item uuid[], p_settle uuid[], p_settle_fingerprint bytea[], p_awarded bigint[], p_award uuid[],
    p_award_fingerprint bytea[]
) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    v_entries integer;
BEGIN
    IF (0 <= ALL (p_awarded) AND 1000000000 >= ALL (p_awarded)) IS NOT TRUE THEN
        RAISE EXCEPTION 'an award is out of range' USING ERRCODE = 'check_violation';
    END IF;

    -- Write the operations and the holds, which are closed from the start.
    INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
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
     WHERE t.awarded > 0;
    INSERT INTO escrow_hold (id, payer_id, payee_house, currency, feature, source_event_id, amount, captured, status,
                             expires_at, created_at, closed_at)
    SELECT t.hold, t.payer, p_house, p_currency, p_feature, t.source, t.amount, t.amount, 'SETTLED',
           p_at + make_interval(secs => p_expires_s), p_at, p_at
      FROM unnest(p_hold, p_payer, p_source, p_amount) AS t(hold, payer, source, amount);

    -- Move the balances of the wallets that are where the decision saw them, and write the entries of each step: held,
    -- settled, awarded. A branch for each line: expressions of a lateral VALUES would be made anew for each element.
    WITH moved AS (
        UPDATE escrow_wallet x SET available = x.available - t.amount + t.awarded - t.debt, owed = x.owed - t.debt,
                                   version = x.version + CASE WHEN t.awarded > 0 THEN 3 ELSE 2 END
          FROM (SELECT u.*, least(u.owed, u.awarded) AS debt
                  FROM unnest(p_wallet, p_payer, p_available, p_owed, p_operation, p_settle, p_award, p_amount, p_awarded)
                       AS u(wallet, payer, available, owed, operation, settle, award, amount, awarded)) AS t
         WHERE x.id = t.wallet AND x.owner_id = t.payer AND x.currency = p_currency AND x.status = 'active'
           AND x.available = t.available AND x.owed = t.owed
        RETURNING x.version - CASE WHEN t.awarded > 0 THEN 3 ELSE 2 END AS version, x.held, x.earned, t.*
    )
    INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_held, d_owed,
                              available_after, held_after, earned_after, owed_after, at)
    SELECT m.operation, 1, m.wallet, NULL, p_currency, m.version + 1, -m.amount, m.amount, 0,
           (m.available - m.amount)::escrow_balance, m.held + m.amount, m.earned, m.owed, p_at FROM moved m
    UNION ALL
    SELECT m.settle, 1, m.wallet, NULL, p_currency, m.version + 2, 0, -m.amount, 0,
           m.available - m.amount, m.held, m.earned, m.owed, p_at FROM moved m
    UNION ALL
    SELECT m.settle, 2, NULL, p_house, p_currency, NULL, m.amount, 0, 0, NULL, NULL, NULL, NULL, p_at FROM moved m
    UNION ALL
    SELECT m.award, 1, m.wallet, NULL, p_currency, m.version + 3, m.awarded - m.debt, 0, -m.debt,
           m.available - m.amount + m.awarded - m.debt, m.held, m.earned, m.owed - m.debt, p_at
      FROM moved m WHERE m.awarded > 0
    UNION ALL
    SELECT m.award, 2, NULL, p_house, p_currency, NULL, -m.awarded, 0, 0, NULL, NULL, NULL, NULL, p_at
      FROM moved m WHERE m.awarded > 0;
    GET DIAGNOSTICS v_entries = ROW_COUNT;

    -- Refuse the whole list if one was not.
    IF v_entries <> 3 * cardinality(p_hold) + 2 * cardinality(array_remove(p_awarded, 0)) THEN
        RAISE EXCEPTION 'a wallet is not where its decision found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN cardinality(p_hold);
END
$$;
