-- clearing.sql and a rule of domains.sql: instants of wallets whose balances are kept elsewhere

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
    SELECT o.id, o.scope, o.key, o.fingerprint, o.kind, o.hold, t.actor, o.reason, t.meta, p_at
      FROM unnest(p_operation, p_key, p_fingerprint, p_hold, p_actor, p_reason, p_meta, p_item, p_settle,
                  p_settle_fingerprint, p_awarded, p_award, p_award_fingerprint, p_deposit, p_deposit_fingerprint,
                  p_withdraw, p_withdraw_fingerprint)
           AS t(operation, key, fingerprint, hold, actor, reason, meta, item, settle, settle_fingerprint, awarded, award,
                award_fingerprint, deposit, deposit_fingerprint, withdraw, withdraw_fingerprint)
     CROSS JOIN LATERAL (VALUES
        (t.deposit, 'deposit', t.key, t.deposit_fingerprint, 'deposit', NULL::uuid, ''),
        (t.operation, 'hold:' || p_feature, t.key, t.fingerprint, 'hold', t.hold, t.reason),
        (t.settle, 'close', t.item::text, t.settle_fingerprint, 'settle', t.hold, ''),
        (t.award, 'award', t.item::text, t.award_fingerprint, 'award', t.hold, ''),
        (t.withdraw, 'withdraw', t.key, t.withdraw_fingerprint, 'withdraw', NULL, '')
      ) AS o(id, scope, key, fingerprint, kind, hold, reason)
     WHERE o.kind NOT IN ('award', 'withdraw') OR t.awarded > 0;
    INSERT INTO escrow_hold (id, payer_id, payee_house, currency, feature, source_event_id, amount, captured, status,
                             expires_at, created_at, closed_at)
    SELECT t.hold, t.payer, p_house, p_currency, p_feature, t.source, t.amount, t.amount, 'SETTLED',
           p_at + make_interval(secs => p_expires_s), p_at, p_at
      FROM unnest(p_hold, p_payer, p_source, p_amount) AS t(hold, payer, source, amount);

    -- Raise the versions of the wallets that are where the decision saw them, and write the entries of each step:
    -- deposited, held, settled, awarded, withdrawn.
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
    SELECT l.operation, l.line, l.wallet, l.house, p_currency, l.version, l.a, l.h,
           l.available::escrow_balance, l.held, l.earned, l.owed, p_at
      FROM moved m CROSS JOIN LATERAL (VALUES
        (m.deposit, 1, m.wallet, NULL, m.version + 1, m.amount, 0, m.available + m.amount, m.held, m.earned, m.owed),
        (m.deposit, 2, NULL, p_clearing, NULL, -m.amount, 0, NULL, NULL, NULL, NULL),
        (m.operation, 1, m.wallet, NULL, m.version + 2, -m.amount, m.amount, m.available, m.held + m.amount, m.earned,
         m.owed),
        (m.settle, 1, m.wallet, NULL, m.version + 3, 0, -m.amount, m.available, m.held, m.earned, m.owed),
        (m.settle, 2, NULL, p_house, NULL, m.amount, 0, NULL, NULL, NULL, NULL),
        (m.award, 1, m.wallet, NULL, m.version + 4, m.awarded, 0, m.available + m.awarded, m.held, m.earned, m.owed),
        (m.award, 2, NULL, p_house, NULL, -m.awarded, 0, NULL, NULL, NULL, NULL),
        (m.withdraw, 1, m.wallet, NULL, m.version + 5, -m.awarded, 0, m.available, m.held, m.earned, m.owed),
        (m.withdraw, 2, NULL, p_clearing, NULL, m.awarded, 0, NULL, NULL, NULL, NULL)
      ) AS l(operation, line, wallet, house, version, a, h, available, held, earned, owed)
     WHERE m.awarded > 0 OR l.operation NOT IN (m.award, m.withdraw);
    GET DIAGNOSTICS v_entries = ROW_COUNT;

    -- Refuse the whole list if one was not.
    IF v_entries <> 5 * cardinality(p_hold) + 4 * cardinality(array_remove(p_awarded, 0)) THEN
        RAISE EXCEPTION 'a wallet is not where its decision found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN cardinality(p_hold);
END
$$;

-- varchar(20): what an operation does
ALTER DOMAIN escrow_kind DROP CONSTRAINT IF EXISTS escrow_kind_known;
ALTER DOMAIN escrow_kind ADD CONSTRAINT escrow_kind_known CHECK (
    VALUE IN ('deposit', 'hold', 'settle', 'split', 'refund', 'expire', 'award', 'withdraw', 'reverse', 'chargeback',
              'write_off', 'payout', 'payout_reject', 'repair'));
