-- A run of refunds is a record: its rows are worked on once and stay; the run ends once.
CREATE FUNCTION perfqueue_run_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'running' OR (NEW.id, NEW.actor_id, NEW.reason, NEW.narrowed, NEW.created_at)
        <> (OLD.id, OLD.actor_id, OLD.reason, OLD.narrowed, OLD.created_at) THEN
        RAISE EXCEPTION 'run % keeps its terms and ends once', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER perfqueue_run_guard BEFORE UPDATE ON perfqueue_refundrun
    FOR EACH ROW EXECUTE FUNCTION perfqueue_run_guard();
CREATE TRIGGER perfqueue_run_kept BEFORE DELETE OR TRUNCATE ON perfqueue_refundrun
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

CREATE FUNCTION perfqueue_run_row_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.done_at IS NOT NULL OR (NEW.id, NEW.run_id, NEW.item_id) <> (OLD.id, OLD.run_id, OLD.item_id) THEN
        RAISE EXCEPTION 'row % of a run is done', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER perfqueue_run_row_guard BEFORE UPDATE ON perfqueue_refundrow
    FOR EACH ROW EXECUTE FUNCTION perfqueue_run_row_guard();
CREATE TRIGGER perfqueue_run_row_kept BEFORE DELETE OR TRUNCATE ON perfqueue_refundrow
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
