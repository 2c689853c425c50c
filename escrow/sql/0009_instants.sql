-- batches.sql and guards.sql: an instant item's hold is written settled, and its wallet takes its steps at once (ADR 0070)

-- Trigger function: each change of a balance raises the version, by one unless the entries of every version between are
-- written (escrow_wallet_follows).
CREATE OR REPLACE FUNCTION escrow_wallet_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version > OLD.version THEN
        RETURN NEW;
    END IF;
    IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version)
        IS DISTINCT FROM (OLD.available, OLD.held, OLD.earned, OLD.owed, OLD.version) THEN
        RAISE EXCEPTION 'balances move one version at a time' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_wallet_moves BEFORE UPDATE OF available, held, earned, owed, version ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_moves();

-- Trigger function: a wallet that takes several versions in one statement follows its entries: there is one of each
-- version, no balance was below zero on the way, and the last one's balances are the wallet's.
CREATE OR REPLACE FUNCTION escrow_wallet_follows() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) = NEW.version - OLD.version
               AND min(least(e.available_after, e.held_after, e.earned_after, e.owed_after)) >= 0
               AND bool_or((e.version, e.available_after, e.held_after, e.earned_after, e.owed_after)
                           = (NEW.version, NEW.available, NEW.held, NEW.earned, NEW.owed))
          FROM escrow_entry e WHERE e.wallet_id = NEW.id AND e.version > OLD.version AND e.version <= NEW.version)
        IS NOT TRUE THEN
        RAISE EXCEPTION 'balances move one version at a time, or as their entries say'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER escrow_wallet_follows AFTER UPDATE OF version ON escrow_wallet
    FOR EACH ROW WHEN (NEW.version > OLD.version + 1) EXECUTE FUNCTION escrow_wallet_follows();

-- Trigger function: a hold opens as HELD, or settled in full to a house account; for one payee other than its payer.
CREATE OR REPLACE FUNCTION escrow_hold_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.released = 0 AND num_nonnulls(NEW.payee_id, NEW.payee_house) = 1 AND NEW.payee_id IS DISTINCT FROM NEW.payer_id
        AND (CASE WHEN NEW.status = 'HELD' THEN NEW.captured = 0 AND NEW.closed_at IS NULL
                  ELSE NEW.status = 'SETTLED' AND NEW.captured = NEW.amount AND NEW.closed_at IS NOT NULL
                       AND NEW.payee_house IS NOT NULL END) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN num_nonnulls(NEW.payee_id, NEW.payee_house) <> 1 THEN 'a hold has one payee'
        WHEN NEW.payee_id = NEW.payer_id THEN 'a hold is not to oneself'
        ELSE 'a hold opens as HELD, nothing of it captured or released, or settled in full to a house account' END
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

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
    SELECT o.id, o.scope, o.key, o.fingerprint, o.kind, t.hold, t.actor, o.reason, t.meta, p_at
      FROM unnest(p_operation, p_key, p_fingerprint, p_hold, p_actor, p_reason, p_meta, p_item, p_settle,
                  p_settle_fingerprint, p_awarded, p_award, p_award_fingerprint)
           AS t(operation, key, fingerprint, hold, actor, reason, meta, item, settle, settle_fingerprint, awarded, award,
                award_fingerprint)
     CROSS JOIN LATERAL (VALUES
        (t.operation, 'hold:' || p_feature, t.key, t.fingerprint, 'hold', t.reason),
        (t.settle, 'close', t.item::text, t.settle_fingerprint, 'settle', ''),
        (t.award, 'award', t.item::text, t.award_fingerprint, 'award', '')
      ) AS o(id, scope, key, fingerprint, kind, reason)
     WHERE o.kind <> 'award' OR t.awarded > 0;
    INSERT INTO escrow_hold (id, payer_id, payee_house, currency, feature, source_event_id, amount, captured, status,
                             expires_at, created_at, closed_at)
    SELECT t.hold, t.payer, p_house, p_currency, p_feature, t.source, t.amount, t.amount, 'SETTLED',
           p_at + make_interval(secs => p_expires_s), p_at, p_at
      FROM unnest(p_hold, p_payer, p_source, p_amount) AS t(hold, payer, source, amount);

    -- Move the balances of the wallets that are where the decision saw them, and write the entries of each step: held,
    -- settled, awarded.
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
    SELECT l.operation, l.line, l.wallet, l.house, p_currency, l.version, l.a, l.h, l.o,
           l.available::escrow_balance, l.held, l.earned, l.owed, p_at
      FROM moved m CROSS JOIN LATERAL (VALUES
        (m.operation, 1, m.wallet, NULL, m.version + 1, -m.amount, m.amount, 0,
         m.available - m.amount, m.held + m.amount, m.earned, m.owed),
        (m.settle, 1, m.wallet, NULL, m.version + 2, 0, -m.amount, 0, m.available - m.amount, m.held, m.earned, m.owed),
        (m.settle, 2, NULL, p_house, NULL, m.amount, 0, 0, NULL, NULL, NULL, NULL),
        (m.award, 1, m.wallet, NULL, m.version + 3, m.awarded - m.debt, 0, -m.debt,
         m.available - m.amount + m.awarded - m.debt, m.held, m.earned, m.owed - m.debt),
        (m.award, 2, NULL, p_house, NULL, -m.awarded, 0, 0, NULL, NULL, NULL, NULL)
      ) AS l(operation, line, wallet, house, version, a, h, o, available, held, earned, owed)
     WHERE m.awarded > 0 OR l.operation <> m.award;
    GET DIAGNOSTICS v_entries = ROW_COUNT;

    -- Refuse the whole list if one was not.
    IF v_entries <> 3 * cardinality(p_hold) + 2 * cardinality(array_remove(p_awarded, 0)) THEN
        RAISE EXCEPTION 'a wallet is not where its decision found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN cardinality(p_hold);
END
$$;
