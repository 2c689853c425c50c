-- A refusal is a record: it is never changed or deleted.
CREATE OR REPLACE TRIGGER compliance_refusal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_refusal
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- What users and staff decided is a record: a change of mind is a new row.
CREATE OR REPLACE TRIGGER compliance_limitchange_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_limitchange
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER compliance_break_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_break
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER compliance_terms_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_terms
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER compliance_termsacceptance_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_termsacceptance
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER compliance_policyversion_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_policyversion
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER compliance_agedecision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_agedecision
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- The digest is that of the text that people accept.
ALTER TABLE compliance_terms
    DROP CONSTRAINT IF EXISTS compliance_terms_digest_is_of_text,
    ADD CONSTRAINT compliance_terms_digest_is_of_text CHECK (digest = sha256(convert_to(text, 'UTF8')));

-- A hash of an e-mail address has its full length.
ALTER TABLE compliance_inheritedexclusion
    DROP CONSTRAINT IF EXISTS compliance_inheritedexclusion_hash_is_whole,
    ADD CONSTRAINT compliance_inheritedexclusion_hash_is_whole CHECK (octet_length(email_hash) = 32);

-- Trigger function: an exclusion that an address carries only gets longer; null is for good (23000).
CREATE OR REPLACE FUNCTION compliance_exclusion_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.email_hash <> OLD.email_hash
        OR coalesce(NEW.until, 'infinity') < coalesce(OLD.until, 'infinity') THEN
        RAISE EXCEPTION 'an exclusion is never shortened' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER compliance_exclusion_kept BEFORE UPDATE ON compliance_inheritedexclusion
    FOR EACH ROW EXECUTE FUNCTION compliance_exclusion_kept();
CREATE OR REPLACE TRIGGER compliance_exclusion_stays BEFORE DELETE OR TRUNCATE ON compliance_inheritedexclusion
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: the dates of a decision are written once; they may be erased, not changed (23000).
CREATE OR REPLACE FUNCTION compliance_dates_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the dates of a decision are never changed' USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE OR REPLACE TRIGGER compliance_dates_kept BEFORE UPDATE ON compliance_agedate
    FOR EACH STATEMENT EXECUTE FUNCTION compliance_dates_kept();

-- Trigger function: what a marker is about never changes, and a closed one never does (23000).
CREATE OR REPLACE FUNCTION compliance_marker_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'closed' OR (NEW.id, NEW.kind, NEW.subject, NEW.first_at)
        IS DISTINCT FROM (OLD.id, OLD.kind, OLD.subject, OLD.first_at) OR NEW.user_id IS DISTINCT FROM OLD.user_id THEN
        RAISE EXCEPTION 'a closed marker, and what a marker is about, never change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER compliance_marker_kept BEFORE UPDATE ON compliance_marker
    FOR EACH ROW EXECUTE FUNCTION compliance_marker_kept();
CREATE OR REPLACE TRIGGER compliance_marker_stays BEFORE DELETE OR TRUNCATE ON compliance_marker
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
