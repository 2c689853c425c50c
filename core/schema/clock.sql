-- The only clock. clock_timestamp() moves inside a transaction: whoever waited for a lock reads the time after it.
-- core.clock_offset is a setting that only demo and test databases may carry (checked at start-up).
CREATE OR REPLACE FUNCTION core_now() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT clock_timestamp() + coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval
$$;
