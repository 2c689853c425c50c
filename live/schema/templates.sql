-- A template is edited by adding a version; earlier versions stay, so the text of an old event can still be read.
CREATE OR REPLACE TRIGGER live_messagetemplate_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON live_messagetemplate
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
