-- Trigger function: a paytable moves one status forward at a time, and a retired one may be active again. One that was not
-- active yet may be retired too, which discards it: it is never active after that. Each step writes its own columns only
-- (23000).
CREATE OR REPLACE FUNCTION slots_paytable_steps() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    expected slots_paytable := OLD;
BEGIN
    IF (OLD.status, NEW.status) NOT IN
       (('draft', 'computed'), ('computed', 'approved'), ('approved', 'active'), ('active', 'retired'),
        ('retired', 'active'), ('computed', 'retired'), ('approved', 'retired'))
       OR (OLD.status = 'retired' AND OLD.activated_at IS NULL) THEN
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

CREATE OR REPLACE TRIGGER slots_reviewrequest_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_reviewrequest
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
