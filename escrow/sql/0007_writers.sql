-- guards.sql: who writes is asked once a statement (ADR 0065)

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

-- Trigger function: each change of a balance raises the version by one.
CREATE OR REPLACE FUNCTION escrow_wallet_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = OLD.version + 1 THEN
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

-- Trigger function: a hold opens as HELD, for one payee other than its payer.
CREATE OR REPLACE FUNCTION escrow_hold_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'HELD' AND NEW.captured = 0 AND NEW.released = 0 AND NEW.closed_at IS NULL
        AND num_nonnulls(NEW.payee_id, NEW.payee_house) = 1 AND NEW.payee_id IS DISTINCT FROM NEW.payer_id THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN num_nonnulls(NEW.payee_id, NEW.payee_house) <> 1 THEN 'a hold has one payee'
        WHEN NEW.payee_id = NEW.payer_id THEN 'a hold is not to oneself'
        ELSE 'a hold opens as HELD, nothing of it captured or released' END
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
