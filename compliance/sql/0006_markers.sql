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
