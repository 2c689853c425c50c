-- The only clock. clock_timestamp() moves inside a transaction: whoever waited for a lock reads the time after it.
-- core.clock_offset is a setting that only demo and test databases may carry (checked at start-up).
CREATE FUNCTION core_now() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT clock_timestamp() + coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval
$$;

-- Raises on any change of an append-only table. Statement level, so that not even an empty change passes unseen.
CREATE FUNCTION core_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END
$$;
