-- A wallet is frozen while a row says since when, why and by whom, and no longer: neither is written without the other.
-- What somebody wrote by hand before it was so is set right, on the safe side: frozen.
UPDATE escrow_wallet w SET status = 'frozen'
 WHERE w.status = 'active' AND EXISTS (
    SELECT FROM escrow_freeze f WHERE f.wallet_id = w.id AND f.thawed_at IS NULL);
INSERT INTO escrow_freeze (id, wallet_id, reason, frozen_by)
SELECT gen_random_uuid(), w.id, 'Found frozen without a word when words became a rule.',
       '00000000-0000-0000-0000-000000000000'
  FROM escrow_wallet w
 WHERE w.status = 'frozen' AND NOT EXISTS (
    SELECT FROM escrow_freeze f WHERE f.wallet_id = w.id AND f.thawed_at IS NULL);

-- Asked at the end of the transaction, since one of the two is written first.
CREATE FUNCTION escrow_freeze_agrees() RETURNS trigger
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
CREATE CONSTRAINT TRIGGER escrow_wallet_freezes AFTER INSERT OR UPDATE OF status ON escrow_wallet
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escrow_freeze_agrees();
CREATE CONSTRAINT TRIGGER escrow_freeze_agrees AFTER INSERT OR UPDATE ON escrow_freeze
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escrow_freeze_agrees();

-- A freeze keeps what it says, and ends once, with a reason.
CREATE FUNCTION escrow_freeze_ends() RETURNS trigger
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
CREATE TRIGGER escrow_freeze_ends BEFORE UPDATE ON escrow_freeze
    FOR EACH ROW EXECUTE FUNCTION escrow_freeze_ends();
