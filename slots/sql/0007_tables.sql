-- Trigger function: a paytable moves one status forward at a time, and a retired one may be active again; each step writes
-- its own columns only (23000).
CREATE OR REPLACE FUNCTION slots_paytable_steps() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    expected slots_paytable := OLD;
BEGIN
    IF (OLD.status, NEW.status) NOT IN
       (('draft', 'computed'), ('computed', 'approved'), ('approved', 'active'), ('active', 'retired'),
        ('retired', 'active')) THEN
        RAISE EXCEPTION 'a paytable does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    expected.status := NEW.status;
    CASE NEW.status
        WHEN 'computed' THEN expected.par := NEW.par; expected.computed_at := NEW.computed_at;
        WHEN 'approved' THEN expected.approved_by_id := NEW.approved_by_id; expected.approved_at := NEW.approved_at;
        WHEN 'active' THEN expected.activated_at := NEW.activated_at; expected.retired_at := NULL;
        WHEN 'retired' THEN expected.retired_at := NEW.retired_at;
    END CASE;
    IF NEW IS DISTINCT FROM expected THEN
        RAISE EXCEPTION 'a paytable is never changed, only taken a step on'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Steps of paytables and looks at their return are records.
CREATE OR REPLACE TRIGGER slots_paytablestep_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_paytablestep
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER slots_look_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_look
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
