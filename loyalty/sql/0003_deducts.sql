-- A deduct whose key another request holds was dead, and its player waited for staff: it is looked up from now on.
UPDATE loyalty_remoteoperation
   SET state = 'unknown', attempts = 0, due_at = core_now(), retried_at = core_now(), closed_at = NULL
 WHERE kind = 'deduct' AND state = 'dead';

-- Trigger function: an operation begins open; what is sent is written once; its state changes along these edges only; a
-- closed one keeps everything, but a dead one that staff send again (23000). A deduct is never dead: it is followed until
-- it is known what was taken.
CREATE OR REPLACE FUNCTION loyalty_operation_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    is_deduct boolean := NEW.kind = 'deduct';
    may_end boolean := NEW.state = 'compensated' AND is_deduct  -- without having been delivered
                       OR NEW.state = 'refused' AND NEW.kind IN ('deduct', 'earn_reversal')
                       OR NEW.state = 'dead' AND NOT is_deduct;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' OR NEW.attempts <> 0 OR NEW.new_balance IS NOT NULL OR NEW.retried_at IS NOT NULL THEN
            RAISE EXCEPTION 'an operation begins open' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.user_id, NEW.kind, NEW.amount, NEW.key, NEW.source, NEW.body, NEW.created_at, NEW.request_id)
        IS DISTINCT FROM
       (OLD.id, OLD.user_id, OLD.kind, OLD.amount, OLD.key, OLD.source, OLD.body, OLD.created_at, OLD.request_id) THEN
        RAISE EXCEPTION 'what an operation sends never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT (CASE OLD.state
        WHEN 'open' THEN NEW.state IN ('open', 'unknown', 'confirmed') OR may_end
        WHEN 'unknown' THEN NEW.state IN ('unknown', 'confirmed') OR may_end
        WHEN 'confirmed' THEN NEW.state = 'compensated' AND is_deduct
        WHEN 'dead' THEN NEW.state = 'open' AND NEW.attempts = 0 AND NEW.retried_at IS NOT NULL
                         AND NEW.retried_at IS DISTINCT FROM OLD.retried_at
        ELSE false END) THEN
        RAISE EXCEPTION 'an operation cannot go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> 'dead' AND NEW.retried_at IS DISTINCT FROM OLD.retried_at
        OR OLD.new_balance IS NOT NULL AND NEW.new_balance IS DISTINCT FROM OLD.new_balance
        OR NEW.new_balance IS NOT NULL AND NEW.state NOT IN ('confirmed', 'compensated') THEN
        RAISE EXCEPTION 'a field of an operation does not fit its state' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
