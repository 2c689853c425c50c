CREATE OR REPLACE TRIGGER slots_figurecheck_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_figurecheck
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: where a player's detached spins end moves forward only (23000).
CREATE OR REPLACE FUNCTION slots_archivedplayer_rises() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.user_id <> OLD.user_id OR NEW.nonce < OLD.nonce THEN
        RAISE EXCEPTION 'detached spins of a player never come back'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER slots_archivedplayer_rises BEFORE UPDATE ON slots_archivedplayer
    FOR EACH ROW EXECUTE FUNCTION slots_archivedplayer_rises();
CREATE OR REPLACE TRIGGER slots_archivedplayer_stays BEFORE DELETE OR TRUNCATE ON slots_archivedplayer
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

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
