-- Trigger function: a wallet is frozen exactly while it has an open freeze, which says since when, why and by whom
-- (23000). Deferred to the end of the transaction, since one of the two rows is written first.
CREATE OR REPLACE FUNCTION escrow_freeze_agrees() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    subject uuid;
BEGIN
    IF TG_TABLE_NAME = 'escrow_freeze' THEN
        subject := NEW.wallet_id;
    ELSE
        subject := NEW.id;
    END IF;
    IF EXISTS (SELECT FROM escrow_wallet w
                WHERE w.id = subject AND (w.status = 'frozen') <> EXISTS (
                    SELECT FROM escrow_freeze f WHERE f.wallet_id = w.id AND f.thawed_at IS NULL)) THEN
        RAISE EXCEPTION 'wallet % is frozen by an open freeze, and by nothing else', subject
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS escrow_wallet_freezes ON escrow_wallet;
CREATE CONSTRAINT TRIGGER escrow_wallet_freezes AFTER INSERT OR UPDATE OF status ON escrow_wallet
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escrow_freeze_agrees();
DROP TRIGGER IF EXISTS escrow_freeze_agrees ON escrow_freeze;
CREATE CONSTRAINT TRIGGER escrow_freeze_agrees AFTER INSERT OR UPDATE ON escrow_freeze
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escrow_freeze_agrees();

-- Trigger function: a freeze ends once, with a reason, and nothing else of it changes (23000).
CREATE OR REPLACE FUNCTION escrow_freeze_ends() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.thawed_at IS NULL AND NEW.thawed_at IS NOT NULL AND NEW.thaw_reason <> ''
        AND (NEW.id, NEW.wallet_id, NEW.finding_id, NEW.reason, NEW.frozen_by, NEW.frozen_at)
        IS NOT DISTINCT FROM (OLD.id, OLD.wallet_id, OLD.finding_id, OLD.reason, OLD.frozen_by, OLD.frozen_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a freeze keeps what it says and ends once, with a reason'
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE OR REPLACE TRIGGER escrow_freeze_ends BEFORE UPDATE ON escrow_freeze
    FOR EACH ROW EXECUTE FUNCTION escrow_freeze_ends();
