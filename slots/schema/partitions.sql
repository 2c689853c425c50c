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

-- Check that the month that begins at p_month may be detached, and note where its players' spins end. Returns whether its
-- partition is still attached. p_now_id is the id of a spin to come: this month, the 17 before it and the two after it stay.
-- Refuses (23000) a month of these, one that is not archived, whose archive was not replayed without defects, or whose
-- spins are not those that the archive's row counts.
CREATE OR REPLACE FUNCTION slots_detachable(p_now_id uuid, p_month date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_name text := 'slots_spin_' || to_char(p_month, 'YYYYMM');
    v_archive slots_archive;
    v_spins bigint;
    v_first uuid;
    v_last uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('slots_make_partitions'));
    SELECT * INTO v_archive FROM slots_archive a WHERE a.month = p_month FOR NO KEY UPDATE;
    IF v_archive.checked_at IS NULL OR p_month >= date_trunc('month', slots_id_moment(p_now_id) AT TIME ZONE 'UTC')
        - interval '17 months' OR to_regclass(v_name) IS NULL THEN
        RAISE EXCEPTION 'the spins of % must stay attached', to_char(p_month, 'YYYY-MM')
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    EXECUTE format('SELECT count(*) FROM %I', v_name) INTO v_spins;
    EXECUTE format(
        'SELECT (SELECT s.id FROM %1$I s ORDER BY s.id LIMIT 1), (SELECT s.id FROM %1$I s ORDER BY s.id DESC LIMIT 1)',
        v_name) INTO v_first, v_last;
    IF (v_spins, v_first, v_last) IS DISTINCT FROM (v_archive.spins, v_archive.first_id, v_archive.last_id) THEN
        RAISE EXCEPTION 'the spins of % are not those that were archived', to_char(p_month, 'YYYY-MM')
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    -- Note where each player's spins end.
    EXECUTE format(
        'INSERT INTO slots_archivedplayer AS p (user_id, nonce, chain, commitment, staked_total, paid_total)'
        ' SELECT DISTINCT ON (s.user_id) s.user_id, s.nonce + 1, s.chain, s.next_commitment, s.staked_total, s.paid_total'
        ' FROM %I s ORDER BY s.user_id, s.nonce DESC'
        ' ON CONFLICT (user_id) DO UPDATE SET nonce = excluded.nonce, chain = excluded.chain,'
        ' commitment = excluded.commitment, staked_total = excluded.staked_total, paid_total = excluded.paid_total'
        ' WHERE excluded.nonce > p.nonce', v_name);
    RETURN EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = to_regclass(v_name));
END
$$;

-- Detach the partition of a month that slots_detachable() allows, or finish that where a concurrent detaching was
-- interrupted, unless that was done, and put the table into the schema
-- "archived", or drop it without p_keep. A table of that name in the schema is a copy that was restored to be read, and is
-- replaced. DETACH waits for running spins and holds up new ones meanwhile: call it with a short lock_timeout.
CREATE OR REPLACE FUNCTION slots_detach_partition(p_now_id uuid, p_month date, p_keep boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_name text := 'slots_spin_' || to_char(p_month, 'YYYYMM');
    v_how text;
BEGIN
    IF slots_detachable(p_now_id => p_now_id, p_month => p_month) THEN
        SELECT CASE WHEN i.inhdetachpending THEN 'FINALIZE' ELSE '' END INTO v_how
          FROM pg_inherits i WHERE i.inhrelid = to_regclass(v_name);
        EXECUTE format('ALTER TABLE slots_spin DETACH PARTITION %I %s', v_name, v_how);
    END IF;
    IF p_keep THEN
        CREATE SCHEMA IF NOT EXISTS archived;
        EXECUTE format('DROP TABLE IF EXISTS archived.%I', v_name);
        EXECUTE format('ALTER TABLE %I SET SCHEMA archived', v_name);
    ELSE
        EXECUTE format('DROP TABLE %I', v_name);
    END IF;
    UPDATE slots_archive SET detached_at = clock_timestamp() WHERE month = p_month;
END
$$;
