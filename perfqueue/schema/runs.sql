-- Trigger function: a run ends once, when each of its items has a result, and nothing else of it changes (23000).
CREATE OR REPLACE FUNCTION perfqueue_run_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
        OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at') THEN
        RAISE EXCEPTION 'run % keeps what it was asked', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.ended_at IS NOT NULL
        AND EXISTS (SELECT 1 FROM perfqueue_runitem i WHERE i.run_id = NEW.id AND i.done_at IS NULL) THEN
        RAISE EXCEPTION 'run % has items without a result', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_run_guard BEFORE UPDATE ON perfqueue_run
    FOR EACH ROW EXECUTE FUNCTION perfqueue_run_guard();
CREATE OR REPLACE TRIGGER perfqueue_run_kept BEFORE DELETE OR TRUNCATE ON perfqueue_run
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: an item of a run gets one result, which is kept (23000).
CREATE OR REPLACE FUNCTION perfqueue_run_item_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.done_at IS NOT NULL OR (NEW.id, NEW.run_id, NEW.item_id) <> (OLD.id, OLD.run_id, OLD.item_id) THEN
        RAISE EXCEPTION 'run item % keeps its first result', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_run_item_guard BEFORE UPDATE ON perfqueue_runitem
    FOR EACH ROW EXECUTE FUNCTION perfqueue_run_item_guard();
CREATE OR REPLACE TRIGGER perfqueue_run_item_kept BEFORE DELETE OR TRUNCATE ON perfqueue_runitem
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
