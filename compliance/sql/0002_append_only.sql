-- A refusal once recorded is never changed.
CREATE TRIGGER compliance_refusal_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_refusal
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
