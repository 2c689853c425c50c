-- guards.sql

-- A refusal is a record: it is never changed or deleted.
CREATE OR REPLACE TRIGGER compliance_refusal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON compliance_refusal
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
