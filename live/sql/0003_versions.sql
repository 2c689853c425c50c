-- Words are versions: an edit is a new row, so what was said at any time can still be read.
CREATE TRIGGER live_messagetemplate_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON live_messagetemplate
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
