-- What holds against raw SQL too: who may write, what may change, that every operation balances.

-- True if one of the ledger's own functions is on the call stack: its signature, before any quoted statement. The words
-- around it are in the server's language (lc_messages), so none of them is asked for.
CREATE FUNCTION escrow_inside() RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    RETURN stack ~ '(?n)^[^"]*\mescrow_(hold|close|credit|claim)\(';
END
$$;

CREATE FUNCTION escrow_only_inside() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION '% is written by the escrow functions only', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER escrow_operation_writer BEFORE INSERT ON escrow_operation
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();
CREATE TRIGGER escrow_entry_writer BEFORE INSERT ON escrow_entry
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();
CREATE TRIGGER escrow_hold_writer BEFORE INSERT OR UPDATE ON escrow_hold
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();

CREATE TRIGGER escrow_operation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_operation
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_entry
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_hold_kept BEFORE DELETE OR TRUNCATE ON escrow_hold
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_wallet_kept BEFORE DELETE OR TRUNCATE ON escrow_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Per operation and currency: what leaves somewhere arrives somewhere.
CREATE FUNCTION escrow_zero_sum() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
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
CREATE TRIGGER escrow_entry_zero_sum AFTER INSERT ON escrow_entry
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION escrow_zero_sum();

-- A wallet starts empty; its balances move one version at a time, inside an escrow function.
CREATE FUNCTION escrow_wallet_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version) <> (0, 0, 0, 0, 0) THEN
            RAISE EXCEPTION 'a wallet starts empty' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.owner_id, NEW.currency, NEW.created_at) <> (OLD.id, OLD.owner_id, OLD.currency, OLD.created_at) THEN
        RAISE EXCEPTION 'a wallet keeps its owner and currency' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version)
        = (OLD.available, OLD.held, OLD.earned, OLD.owed, OLD.version) THEN
        RETURN NEW;
    END IF;
    IF NEW.version <> OLD.version + 1 OR NOT escrow_inside() THEN
        RAISE EXCEPTION 'balances move by escrow functions only, one version at a time'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_wallet_guard BEFORE INSERT OR UPDATE ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_guard();

-- A hold opens as HELD and closes once. Until then only its expiry may be lifted (by intake).
CREATE FUNCTION escrow_hold_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'HELD' THEN
            RAISE EXCEPTION 'a hold opens as HELD' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'HELD' THEN
        RAISE EXCEPTION 'hold % is closed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.payer_id, NEW.currency, NEW.feature, NEW.source_event_id, NEW.amount, NEW.created_at)
        <> (OLD.id, OLD.payer_id, OLD.currency, OLD.feature, OLD.source_event_id, OLD.amount, OLD.created_at)
        OR NEW.payee_id IS DISTINCT FROM OLD.payee_id OR NEW.payee_house IS DISTINCT FROM OLD.payee_house
        OR (NEW.expires_at IS NOT NULL AND NEW.expires_at IS DISTINCT FROM OLD.expires_at) THEN
        RAISE EXCEPTION 'a hold keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_hold_guard BEFORE INSERT OR UPDATE ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION escrow_hold_guard();
