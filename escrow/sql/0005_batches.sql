-- Functions of batches: what a list of commands has decided under the locks of its wallets is written at once. They
-- decide nothing and answer no code: a wallet that is not active, or has not the available and owed that the decision
-- saw, refuses the whole list (23000), as a known key (23505) and an amount out of range (23514) do. All are defects. The
-- elements of a list are of different payers and of one feature and currency. p_at is the time of the decision.

-- Lock the wallets of owners in one currency, in id order, and return them as they are under the lock. Without p_wait
-- those that another transaction has locked are left out.
CREATE OR REPLACE FUNCTION escrow_locked_wallets(p_owner uuid[], p_currency text, p_wait boolean)
RETURNS TABLE (id uuid, owner uuid, status text, available bigint, held bigint, owed bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF p_wait THEN
        RETURN QUERY
        SELECT x.id, x.owner_id, x.status::text, x.available::bigint, x.held::bigint, x.owed::bigint
          FROM escrow_wallet x WHERE x.owner_id = ANY (p_owner) AND x.currency = p_currency
         ORDER BY x.id FOR NO KEY UPDATE;
    ELSE
        RETURN QUERY
        SELECT x.id, x.owner_id, x.status::text, x.available::bigint, x.held::bigint, x.owed::bigint
          FROM escrow_wallet x WHERE x.owner_id = ANY (p_owner) AND x.currency = p_currency
         ORDER BY x.id FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
END
$$;

-- Open holds that were decided: as escrow_hold does, without its looks. The payee is p_payee, or p_house for all. They
-- expire after p_expires_s; NULL: never, since the queue has taken them. Returns how many. The caller has locked the
-- wallets.
CREATE OR REPLACE FUNCTION escrow_open(
    p_at timestamptz, p_currency text, p_feature text, p_house text, p_expires_s integer,
    p_wallet uuid[], p_available bigint[], p_owed bigint[], p_operation uuid[], p_key text[], p_fingerprint bytea[],
    p_hold uuid[], p_payer uuid[], p_payee uuid[], p_amount bigint[], p_source text[], p_actor uuid[],
    p_reason text[], p_meta jsonb[]
) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    v_moved integer;
BEGIN
    -- Write the operations and the holds.
    INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
    SELECT t.operation, 'hold:' || p_feature, t.key, t.fingerprint, 'hold', t.hold, t.actor, t.reason, t.meta, p_at
      FROM unnest(p_operation, p_key, p_fingerprint, p_hold, p_actor, p_reason, p_meta)
           AS t(operation, key, fingerprint, hold, actor, reason, meta);
    INSERT INTO escrow_hold (id, payer_id, payee_id, payee_house, currency, feature, source_event_id, amount,
                             expires_at, created_at)
    SELECT t.hold, t.payer, t.payee, p_house, p_currency, p_feature, t.source, t.amount,
           p_at + make_interval(secs => p_expires_s), p_at
      FROM unnest(p_hold, p_payer, p_payee, p_source, p_amount) AS t(hold, payer, payee, source, amount);

    -- Move the balances of the wallets that are where the decision saw them, and write the entries.
    WITH moved AS (
        UPDATE escrow_wallet x SET available = x.available - t.amount, held = x.held + t.amount, version = x.version + 1
          FROM unnest(p_wallet, p_payer, p_available, p_owed, p_operation, p_amount)
               AS t(wallet, payer, available, owed, operation, amount)
         WHERE x.id = t.wallet AND x.owner_id = t.payer AND x.currency = p_currency AND x.status = 'active'
           AND x.available = t.available AND x.owed = t.owed
        RETURNING x.*, t.operation, t.amount
    )
    INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, d_available, d_held,
                              available_after, held_after, earned_after, owed_after, at)
    SELECT m.operation, 1, m.id, m.currency, m.version, -m.amount, m.amount,
           m.available, m.held, m.earned, m.owed, p_at FROM moved m;
    GET DIAGNOSTICS v_moved = ROW_COUNT;

    -- Refuse the whole list if one was not.
    IF v_moved <> cardinality(p_operation) THEN
        RAISE EXCEPTION 'a wallet is not where its decision found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN v_moved;
END
$$;

-- Open holds of instant items, settle them in full to the house account p_house, and pay the awards out of it: as
-- escrow_hold, escrow_close and escrow_credit do, without their looks. An award of 0 is none; what is awarded pays the
-- wallet's debt (owed) first. Returns how many. The caller has locked the wallets and stored the items (p_item),
-- finished.
CREATE OR REPLACE FUNCTION escrow_instant(
    p_at timestamptz, p_currency text, p_feature text, p_house text, p_expires_s integer,
    p_wallet uuid[], p_available bigint[], p_owed bigint[], p_operation uuid[], p_key text[], p_fingerprint bytea[],
    p_hold uuid[], p_payer uuid[], p_amount bigint[], p_source text[], p_actor uuid[], p_reason text[], p_meta jsonb[],
    p_item uuid[], p_settle uuid[], p_settle_fingerprint bytea[], p_awarded bigint[], p_award uuid[],
    p_award_fingerprint bytea[]
) RETURNS integer
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET escrow.writing = 'on' AS $$
DECLARE
    v_opened integer;
BEGIN
    -- Open the holds.
    IF (0 <= ALL (p_awarded) AND 1000000000 >= ALL (p_awarded)) IS NOT TRUE THEN
        RAISE EXCEPTION 'an award is out of range' USING ERRCODE = 'check_violation';
    END IF;
    v_opened := escrow_open(
        p_at => p_at, p_currency => p_currency, p_feature => p_feature, p_house => p_house, p_expires_s => p_expires_s,
        p_wallet => p_wallet, p_available => p_available, p_owed => p_owed, p_operation => p_operation, p_key => p_key,
        p_fingerprint => p_fingerprint, p_hold => p_hold, p_payer => p_payer, p_payee => NULL, p_amount => p_amount,
        p_source => p_source, p_actor => p_actor, p_reason => p_reason, p_meta => p_meta);

    -- Write the operations that settle and award.
    INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, actor, reason, meta, at)
    SELECT o.id, o.scope, t.item::text, o.fingerprint, o.kind, t.hold, t.actor, '', t.meta, p_at
      FROM unnest(p_item, p_hold, p_settle, p_settle_fingerprint, p_awarded, p_award, p_award_fingerprint, p_actor, p_meta)
           AS t(item, hold, settle, settle_fingerprint, awarded, award, award_fingerprint, actor, meta)
     CROSS JOIN LATERAL (VALUES
        (t.settle, 'close', t.settle_fingerprint, 'settle'),
        (t.award, 'award', t.award_fingerprint, 'award')) AS o(id, scope, fingerprint, kind)
     WHERE o.kind = 'settle' OR t.awarded > 0;

    -- Close the holds; move what was held to the house account.
    UPDATE escrow_hold x SET captured = x.amount, status = 'SETTLED', closed_at = p_at WHERE x.id = ANY (p_hold);
    WITH moved AS (
        UPDATE escrow_wallet x SET held = x.held - t.amount, version = x.version + 1
          FROM unnest(p_wallet, p_settle, p_amount) AS t(wallet, operation, amount) WHERE x.id = t.wallet
        RETURNING x.*, t.operation, t.amount
    )
    INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_held,
                              available_after, held_after, earned_after, owed_after, at)
    SELECT m.operation, l.line, l.wallet, l.house, m.currency, l.version, l.a, l.h,
           l.available, l.held, l.earned, l.owed, p_at
      FROM moved m CROSS JOIN LATERAL (VALUES
        (1, m.id, NULL, m.version, 0, -m.amount, m.available, m.held, m.earned, m.owed),
        (2, NULL, p_house, NULL, m.amount, 0, NULL, NULL, NULL, NULL)
      ) AS l(line, wallet, house, version, a, h, available, held, earned, owed);

    -- Pay the awards, the debts first.
    WITH moved AS (
        UPDATE escrow_wallet x SET available = x.available + t.awarded - t.debt, owed = x.owed - t.debt,
                                   version = x.version + 1
          FROM (SELECT u.*, least(u.owed, u.awarded) AS debt
                  FROM unnest(p_wallet, p_award, p_awarded, p_owed) AS u(wallet, operation, awarded, owed)
                 WHERE u.awarded > 0) AS t
         WHERE x.id = t.wallet
        RETURNING x.*, t.operation, t.awarded, t.debt
    )
    INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_owed,
                              available_after, held_after, earned_after, owed_after, at)
    SELECT m.operation, l.line, l.wallet, l.house, m.currency, l.version, l.a, l.o,
           l.available, l.held, l.earned, l.owed, p_at
      FROM moved m CROSS JOIN LATERAL (VALUES
        (1, m.id, NULL, m.version, m.awarded - m.debt, -m.debt, m.available, m.held, m.earned, m.owed),
        (2, NULL, p_house, NULL, -m.awarded, 0, NULL, NULL, NULL, NULL)
      ) AS l(line, wallet, house, version, a, o, available, held, earned, owed);
    RETURN v_opened;
END
$$;
