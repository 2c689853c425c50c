-- Guards of the ledger: they hold against raw SQL too. Every refusal of a guard is SQLSTATE 23000.

-- True inside the functions that may write the ledger: each carries SET escrow.writing = 'on', which PostgreSQL applies
-- for the length of the call and takes back at its end, also after an exception (ADR 0037).
CREATE OR REPLACE FUNCTION escrow_inside() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT current_setting('escrow.writing', true) IS NOT DISTINCT FROM 'on'
$$;

-- Trigger function: refuses a write from outside the escrow functions, once a statement (ADR 0065).
CREATE OR REPLACE FUNCTION escrow_only_inside() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION '% is written by the escrow functions only', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER escrow_operation_writer BEFORE INSERT ON escrow_operation
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();
CREATE OR REPLACE TRIGGER escrow_hold_writer BEFORE INSERT OR UPDATE ON escrow_hold
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();
CREATE OR REPLACE TRIGGER escrow_wallet_writer BEFORE UPDATE OF available, held, earned, owed, version ON escrow_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();

-- Operations and entries are never changed or deleted; wallets and holds are never deleted.
CREATE OR REPLACE TRIGGER escrow_operation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_operation
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_entry
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_hold_kept BEFORE DELETE OR TRUNCATE ON escrow_hold
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_wallet_kept BEFORE DELETE OR TRUNCATE ON escrow_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: points that another system keeps are never given or taken by undoing an operation of theirs here,
-- which the other system would not know.
CREATE OR REPLACE FUNCTION escrow_operation_undoes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF escrow_kept_elsewhere(NEW.reverses_id) THEN
        RAISE EXCEPTION 'operation % moved points that another system keeps', NEW.reverses_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_operation_undoes BEFORE INSERT ON escrow_operation
    FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION escrow_operation_undoes();

-- Trigger function: a wallet starts empty, at version 0.
CREATE OR REPLACE FUNCTION escrow_wallet_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version) <> (0, 0, 0, 0, 0) THEN
        RAISE EXCEPTION 'a wallet starts empty' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_wallet_begins BEFORE INSERT ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_begins();

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

-- Trigger function: a wallet keeps its owner and currency.
CREATE OR REPLACE FUNCTION escrow_wallet_keeps() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.owner_id, NEW.currency, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.owner_id, OLD.currency, OLD.created_at) THEN
        RAISE EXCEPTION 'a wallet keeps its owner and currency' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_wallet_keeps BEFORE UPDATE OF id, owner_id, currency, created_at ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_keeps();

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
CREATE OR REPLACE TRIGGER escrow_hold_begins BEFORE INSERT ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION escrow_hold_begins();

-- Trigger function: a hold closes once and in full, with the status that its two parts say.
CREATE OR REPLACE FUNCTION escrow_hold_ends() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'HELD' AND least(NEW.captured, NEW.released) >= 0 AND (CASE
        WHEN NEW.closed_at IS NULL THEN NEW.status = 'HELD' AND NEW.captured + NEW.released = 0
        WHEN NEW.captured + NEW.released <> NEW.amount THEN false
        WHEN NEW.released = 0 THEN NEW.status = 'SETTLED'
        WHEN NEW.captured = 0 THEN NEW.status IN ('REFUNDED', 'EXPIRED')
        ELSE NEW.status = 'SPLIT' END) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN OLD.status <> 'HELD' THEN format('hold %s is closed', OLD.id)
        ELSE 'a hold closes in full' END
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE OR REPLACE TRIGGER escrow_hold_ends BEFORE UPDATE OF status, captured, released, closed_at ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION escrow_hold_ends();

-- Trigger function: a hold keeps its terms; only its expiry may be removed, while it is open.
CREATE OR REPLACE FUNCTION escrow_hold_keeps() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'HELD' THEN
        RAISE EXCEPTION 'hold % is closed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.payer_id, NEW.payee_id, NEW.payee_house, NEW.currency, NEW.feature, NEW.source_event_id,
        NEW.amount, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.payer_id, OLD.payee_id, OLD.payee_house, OLD.currency, OLD.feature,
        OLD.source_event_id, OLD.amount, OLD.created_at)
        OR (NEW.expires_at IS NOT NULL AND NEW.expires_at IS DISTINCT FROM OLD.expires_at) THEN
        RAISE EXCEPTION 'a hold keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_hold_keeps BEFORE UPDATE OF id, payer_id, payee_id, payee_house, currency, feature,
    source_event_id, amount, created_at, expires_at ON escrow_hold FOR EACH ROW EXECUTE FUNCTION escrow_hold_keeps();

-- Trigger function, once per INSERT statement: an entry is a wallet's, with its version and the balances after it, or a
-- house account's, which has one balance and none of these. Per operation and currency the deltas sum to zero.
CREATE OR REPLACE FUNCTION escrow_entry_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION 'entries are written by the escrow functions only'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    -- Nothing to add up where every entry is a wallet's and sums to zero by itself, as a hold's does.
    IF NOT EXISTS (
        SELECT FROM fresh
         WHERE d_available + d_held + d_earned - d_owed <> 0
            OR num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after) <> 6
            OR house IS NOT NULL) THEN
        RETURN NULL;
    END IF;

    -- Refuse an entry that is neither a wallet's nor a house account's.
    SELECT operation_id INTO wrong FROM fresh
     WHERE CASE WHEN house IS NULL
            THEN num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after) <> 6
            ELSE num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after) <> 0
                OR d_held <> 0 OR d_earned <> 0 OR d_owed <> 0 END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an entry of operation % is neither of a wallet nor of a house account', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    -- Refuse an operation that does not sum to zero.
    SELECT operation_id INTO wrong FROM fresh
     GROUP BY operation_id, currency
    HAVING sum(d_available + d_held + d_earned - d_owed) <> 0
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation % does not sum to zero', wrong USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER escrow_entry_begins AFTER INSERT ON escrow_entry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_entry_begins();
