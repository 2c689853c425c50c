-- The smallest UUIDv7 of a time: its 48-bit millisecond, then zeros.
CREATE OR REPLACE FUNCTION slots_id_floor(p_moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM p_moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- The time at which a UUIDv7 was made, to the millisecond.
CREATE OR REPLACE FUNCTION slots_id_moment(p_id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_timestamp(('x' || lpad(left(replace(p_id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0)
$$;

-- Make the partitions of slots_spin for p_months months, the first of them the month in which the id p_now_id was made.
-- Partitions that exist are kept. Returns how many were made. Locks an advisory key: one caller at a time.
-- The month is the id's and not core_now()'s: the clock of a test database may be shifted, ids are not.
-- A partition is made first and attached afterwards: ATTACH does not wait for running spins.
CREATE OR REPLACE FUNCTION slots_make_partitions(p_now_id uuid, p_months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_first timestamp := date_trunc('month', slots_id_moment(p_now_id) AT TIME ZONE 'UTC');
    v_start timestamp;
    v_name text;
    v_made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('slots_make_partitions'));
    FOR v_ahead IN 0 .. p_months - 1 LOOP
        v_start := v_first + make_interval(months => v_ahead);
        v_name := 'slots_spin_' || to_char(v_start, 'YYYYMM');
        CONTINUE WHEN to_regclass(v_name) IS NOT NULL;

        -- Make the table, with the index and the guard that its parent cannot pass on.
        EXECUTE format('CREATE TABLE %I (LIKE slots_spin INCLUDING CONSTRAINTS)', v_name);
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (user_id, nonce)', v_name || '_nonce_once', v_name);
        EXECUTE format(
            'CREATE TRIGGER slots_spin_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION core_append_only()', v_name);

        -- Attach it for the ids of the month.
        EXECUTE format(
            'ALTER TABLE slots_spin ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', v_name,
            slots_id_floor(v_start AT TIME ZONE 'UTC'),
            slots_id_floor((v_start + interval '1 month') AT TIME ZONE 'UTC'));
        v_made := v_made + 1;
    END LOOP;
    RETURN v_made;
END
$$;
