-- The writing transaction of each event: readers stay below the oldest one still running, so none is overtaken.
ALTER TABLE live_event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX live_event_in_order ON live_event (xid, id);

CREATE TRIGGER live_event_append_only
    BEFORE UPDATE OR TRUNCATE ON live_event
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

CREATE FUNCTION live_only_pruned() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('live.pruning', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'live_event is append-only: only live_prune() deletes'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER live_event_only_pruned
    BEFORE DELETE ON live_event
    FOR EACH STATEMENT EXECUTE FUNCTION live_only_pruned();

-- Deletes up to at_most events written before a moment, oldest first, and returns how many.
CREATE FUNCTION live_prune(before timestamptz, at_most integer) RETURNS integer
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
