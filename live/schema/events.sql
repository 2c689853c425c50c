-- Events are never changed; only live_prune() deletes them.
CREATE OR REPLACE TRIGGER live_event_append_only BEFORE UPDATE OR TRUNCATE ON live_event
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: refuses a DELETE (23000) unless live_prune() has set live.pruning for this transaction.
CREATE OR REPLACE FUNCTION live_only_pruned() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('live.pruning', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'live_event is append-only: only live_prune() deletes'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER live_event_only_pruned BEFORE DELETE ON live_event
    FOR EACH STATEMENT EXECUTE FUNCTION live_only_pruned();

-- Delete up to at_most events written before a time, oldest first, and return how many. Locks the rows it deletes and
-- skips those that another call has locked.
CREATE OR REPLACE FUNCTION live_prune(before timestamptz, at_most integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    gone integer;
BEGIN
    PERFORM set_config('live.pruning', 'on', true);
    DELETE FROM live_event WHERE id IN (
        SELECT id FROM live_event WHERE at < before ORDER BY id LIMIT at_most FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('live.pruning', '', true);
    RETURN gone;
END
$$;
