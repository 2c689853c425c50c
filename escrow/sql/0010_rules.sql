-- The rules of the ledger's rows, so that they cost little. PostgreSQL reads a table's CHECKs and its triggers' conditions
-- (WHEN) anew for every statement, and a hold spent a quarter of its time on it; a type's rule and a function's body it
-- reads once a session, and a type's rule is asked only for what is written (ADR 0041).

SET LOCAL statement_timeout = 0;  -- tables are written anew; the role that migrates may be the one that has the limit

-- The rules of a single value are its type's.
CREATE DOMAIN escrow_currency AS varchar(5) CONSTRAINT escrow_currency_known CHECK (VALUE IN ('TOKEN', 'POINT'));
CREATE DOMAIN escrow_house AS varchar(20) CONSTRAINT escrow_house_known CHECK (
    VALUE IN ('revenue', 'slots_bank', 'sales', 'mint', 'payouts', 'loyalty_clearing', 'losses'));
CREATE DOMAIN escrow_kind AS varchar(20) CONSTRAINT escrow_kind_known CHECK (
    VALUE IN ('deposit', 'hold', 'settle', 'split', 'refund', 'expire', 'award', 'reverse', 'chargeback', 'write_off',
              'payout', 'payout_reject', 'repair'));
CREATE DOMAIN escrow_wallet_status AS varchar(6) CONSTRAINT escrow_wallet_status_known CHECK (
    VALUE IN ('active', 'frozen'));
CREATE DOMAIN escrow_amount AS bigint CONSTRAINT escrow_amount_in_range CHECK (VALUE BETWEEN 1 AND 1000000000);
CREATE DOMAIN escrow_balance AS bigint CONSTRAINT escrow_balance_not_negative CHECK (VALUE >= 0);

-- A column's type is changed while no trigger names it; the guards are made anew below.
DROP TRIGGER escrow_wallet_begins ON escrow_wallet;
DROP TRIGGER escrow_wallet_moves ON escrow_wallet;
DROP TRIGGER escrow_wallet_keeps ON escrow_wallet;
DROP TRIGGER escrow_hold_begins ON escrow_hold;
DROP TRIGGER escrow_hold_ends ON escrow_hold;
DROP TRIGGER escrow_hold_keeps ON escrow_hold;
DROP TRIGGER escrow_hold_writer ON escrow_hold;
ALTER TABLE escrow_wallet
    ALTER COLUMN currency TYPE escrow_currency, ALTER COLUMN status TYPE escrow_wallet_status,
    ALTER COLUMN available TYPE escrow_balance, ALTER COLUMN held TYPE escrow_balance,
    ALTER COLUMN earned TYPE escrow_balance, ALTER COLUMN owed TYPE escrow_balance,
    ALTER COLUMN version TYPE escrow_balance;
ALTER TABLE escrow_hold
    ALTER COLUMN currency TYPE escrow_currency, ALTER COLUMN payee_house TYPE escrow_house,
    ALTER COLUMN amount TYPE escrow_amount;
ALTER TABLE escrow_operation ALTER COLUMN kind TYPE escrow_kind;
ALTER TABLE escrow_entry ALTER COLUMN currency TYPE escrow_currency, ALTER COLUMN house TYPE escrow_house;
DO $$
BEGIN
    IF EXISTS (SELECT FROM escrow_entry) THEN  -- a column written anew has lost its statistics
        ANALYZE escrow_wallet, escrow_hold, escrow_operation, escrow_entry;
    END IF;
END
$$;

-- Who may write: code under one of the ledger's functions (ADR 0037).
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
DROP TRIGGER escrow_operation_writer ON escrow_operation;
DROP TRIGGER escrow_payout_writer ON escrow_payout;
CREATE TRIGGER escrow_operation_writer BEFORE INSERT ON escrow_operation
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();
CREATE TRIGGER escrow_payout_writer BEFORE INSERT OR UPDATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();

-- A wallet begins empty, keeps its owner and currency, and moves one version at a time, inside an escrow function.
DROP FUNCTION escrow_wallet_guard();
CREATE FUNCTION escrow_wallet_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version) <> (0, 0, 0, 0, 0) THEN
        RAISE EXCEPTION 'a wallet starts empty' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION escrow_wallet_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = OLD.version + 1 AND escrow_inside() THEN
        RETURN NEW;
    END IF;
    IF (NEW.available, NEW.held, NEW.earned, NEW.owed, NEW.version)
        IS DISTINCT FROM (OLD.available, OLD.held, OLD.earned, OLD.owed, OLD.version) THEN
        RAISE EXCEPTION 'balances move by escrow functions only, one version at a time'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION escrow_wallet_keeps() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.owner_id, NEW.currency, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.owner_id, OLD.currency, OLD.created_at) THEN
        RAISE EXCEPTION 'a wallet keeps its owner and currency' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_wallet_begins BEFORE INSERT ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_begins();
CREATE TRIGGER escrow_wallet_moves BEFORE UPDATE OF available, held, earned, owed, version ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_moves();
CREATE TRIGGER escrow_wallet_keeps BEFORE UPDATE OF id, owner_id, currency, created_at ON escrow_wallet
    FOR EACH ROW EXECUTE FUNCTION escrow_wallet_keeps();

-- A hold opens as HELD for one payee, closes once, in full, and keeps its terms; only its expiry may be lifted while it is
-- open (by intake).
DROP FUNCTION escrow_hold_guard();
CREATE FUNCTION escrow_hold_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'HELD' AND NEW.captured = 0 AND NEW.released = 0 AND NEW.closed_at IS NULL
        AND num_nonnulls(NEW.payee_id, NEW.payee_house) = 1 AND NEW.payee_id IS DISTINCT FROM NEW.payer_id
        AND escrow_inside() THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN NOT escrow_inside() THEN 'a hold is written by the escrow functions only'
        WHEN num_nonnulls(NEW.payee_id, NEW.payee_house) <> 1 THEN 'a hold has one payee'
        WHEN NEW.payee_id = NEW.payer_id THEN 'a hold is not to oneself'
        ELSE 'a hold opens as HELD, nothing of it captured or released' END
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE FUNCTION escrow_hold_ends() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'HELD' AND least(NEW.captured, NEW.released) >= 0 AND escrow_inside() AND (CASE
        WHEN NEW.closed_at IS NULL THEN NEW.status = 'HELD' AND NEW.captured + NEW.released = 0
        WHEN NEW.captured + NEW.released <> NEW.amount THEN false
        WHEN NEW.released = 0 THEN NEW.status = 'SETTLED'
        WHEN NEW.captured = 0 THEN NEW.status IN ('REFUNDED', 'EXPIRED')
        ELSE NEW.status = 'SPLIT' END) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', CASE
        WHEN NOT escrow_inside() THEN 'a hold is written by the escrow functions only'
        WHEN OLD.status <> 'HELD' THEN format('hold %s is closed', OLD.id)
        ELSE 'a hold closes in full' END
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE FUNCTION escrow_hold_keeps() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION 'a hold is written by the escrow functions only'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status <> 'HELD' THEN
        RAISE EXCEPTION 'hold % is closed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.payer_id, NEW.payee_id, NEW.payee_house, NEW.currency, NEW.feature, NEW.source_event_id, NEW.amount,
        NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.payer_id, OLD.payee_id, OLD.payee_house, OLD.currency, OLD.feature,
        OLD.source_event_id, OLD.amount, OLD.created_at)
        OR (NEW.expires_at IS NOT NULL AND NEW.expires_at IS DISTINCT FROM OLD.expires_at) THEN
        RAISE EXCEPTION 'a hold keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_hold_begins BEFORE INSERT ON escrow_hold FOR EACH ROW EXECUTE FUNCTION escrow_hold_begins();
CREATE TRIGGER escrow_hold_ends BEFORE UPDATE OF status, captured, released, closed_at ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION escrow_hold_ends();
CREATE TRIGGER escrow_hold_keeps BEFORE UPDATE OF id, payer_id, payee_id, payee_house, currency, feature,
    source_event_id, amount, created_at, expires_at ON escrow_hold FOR EACH ROW EXECUTE FUNCTION escrow_hold_keeps();

-- An entry is a wallet's, with its version and the balances after it, or a house account's, which has one balance. Per
-- operation and currency, what leaves somewhere arrives somewhere; where every line does so by itself, as a hold's does,
-- there is nothing to add up.
DROP TRIGGER escrow_entry_writer ON escrow_entry;
DROP TRIGGER escrow_entry_zero_sum ON escrow_entry;
DROP FUNCTION escrow_zero_sum();
CREATE FUNCTION escrow_entry_begins() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    IF NOT escrow_inside() THEN
        RAISE EXCEPTION 'entries are written by the escrow functions only'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT FROM fresh
         WHERE d_available + d_held + d_earned - d_owed <> 0
            OR num_nonnulls(wallet_id, version, available_after, held_after, earned_after, owed_after) <> 6
            OR house IS NOT NULL) THEN
        RETURN NULL;
    END IF;
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
CREATE TRIGGER escrow_entry_begins AFTER INSERT ON escrow_entry
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION escrow_entry_begins();
