-- clock.sql

-- The only clock. clock_timestamp() moves inside a transaction: whoever waited for a lock reads the time after it.
-- core.clock_offset is a setting that only demo and test databases may carry (checked at start-up).
CREATE OR REPLACE FUNCTION core_now() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT clock_timestamp() + coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval
$$;

-- guards.sql

-- Trigger function of append-only tables: refuses every UPDATE, DELETE and TRUNCATE (23000). Statement level, so that a
-- statement that finds no row is refused too.
CREATE OR REPLACE FUNCTION core_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

-- timeouts.sql

-- Time limits as settings of the role in this database: they survive PgBouncer in transaction mode.
DO $$
DECLARE
    place text := format('ALTER ROLE %I IN DATABASE %I SET ', current_user, current_database());
BEGIN
    EXECUTE place || 'lock_timeout = ''3s''';
    EXECUTE place || 'statement_timeout = ''10s''';
    EXECUTE place || 'idle_in_transaction_session_timeout = ''10s''';
END
$$;
