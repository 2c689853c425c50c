-- intents.sql: spins that are being paid for elsewhere

-- Trigger function: an intent begins open, is closed once, and changes in no other way (23000).
CREATE OR REPLACE FUNCTION slots_intent_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' THEN
            RAISE EXCEPTION 'an intent begins open' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'open' OR NEW.state = 'open' THEN
        RAISE EXCEPTION 'an intent is closed once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    OLD.state := NEW.state;
    OLD.closed_at := NEW.closed_at;
    IF NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'an intent keeps what was asked for' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER slots_intent_kept BEFORE INSERT OR UPDATE ON slots_spinintent
    FOR EACH ROW EXECUTE FUNCTION slots_intent_kept();
CREATE OR REPLACE TRIGGER slots_intent_stays BEFORE DELETE OR TRUNCATE ON slots_spinintent
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Hashes and nonces have their full length.
ALTER TABLE slots_spinintent
    DROP CONSTRAINT IF EXISTS slots_intent_bytes_have_their_length,
    ADD CONSTRAINT slots_intent_bytes_have_their_length
    CHECK (octet_length(fingerprint) = 32 AND octet_length(commitment) = 32 AND octet_length(client_nonce) = 16);
