-- Steps of paytables, who was asked to look at one, and looks at their return are records.
CREATE OR REPLACE TRIGGER slots_paytablestep_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_paytablestep
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER slots_reviewrequest_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_reviewrequest
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER slots_look_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_look
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

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

-- Hashes and signatures of archives have their full length.
ALTER TABLE slots_archive
    DROP CONSTRAINT IF EXISTS slots_archive_bytes_have_their_length,
    ADD CONSTRAINT slots_archive_bytes_have_their_length
    CHECK (octet_length(list_sha256) = 32 AND octet_length(signature) = 64);
ALTER TABLE slots_look
    DROP CONSTRAINT IF EXISTS slots_look_digest_is_whole,
    ADD CONSTRAINT slots_look_digest_is_whole CHECK (octet_length(paytable_digest) = 32);

-- A pointer to the first spin of a window has its nonce, its time and the points staked before it, or nothing.
ALTER TABLE slots_slotstate
    DROP CONSTRAINT IF EXISTS slots_state_pointers_are_whole,
    ADD CONSTRAINT slots_state_pointers_are_whole
    CHECK (num_nulls(day_nonce, day_at, day_staked) IN (0, 3) AND num_nulls(week_nonce, week_at, week_staked) IN (0, 3)
           AND num_nulls(month_nonce, month_at, month_staked) IN (0, 3) AND session_staked >= 0);
