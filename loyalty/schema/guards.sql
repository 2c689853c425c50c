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
CREATE OR REPLACE TRIGGER loyalty_operation_kept BEFORE INSERT OR UPDATE ON loyalty_remoteoperation
    FOR EACH ROW EXECUTE FUNCTION loyalty_operation_kept();
CREATE OR REPLACE TRIGGER loyalty_operation_stays BEFORE DELETE OR TRUNCATE ON loyalty_remoteoperation
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: a link is unlinked once; of one that has ended the member's number may become `erased-<id>`, for good,
-- when its person is erased. It is changed in no other way (23000).
CREATE OR REPLACE FUNCTION loyalty_link_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.unlinked_at IS NOT NULL AND NEW.member_id = 'erased-' || NEW.id AND OLD.member_id <> NEW.member_id
        AND (NEW.id, NEW.user_id, NEW.linked_at, NEW.unlinked_at, NEW.unlinked_by_id, NEW.reason)
            IS NOT DISTINCT FROM
            (OLD.id, OLD.user_id, OLD.linked_at, OLD.unlinked_at, OLD.unlinked_by_id, OLD.reason) THEN
        RETURN NEW;
    END IF;
    IF OLD.unlinked_at IS NOT NULL OR NEW.unlinked_at IS NULL
        OR (NEW.id, NEW.user_id, NEW.member_id, NEW.linked_at) <> (OLD.id, OLD.user_id, OLD.member_id, OLD.linked_at) THEN
        RAISE EXCEPTION 'a link is only unlinked, once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER loyalty_link_kept BEFORE UPDATE ON loyalty_link
    FOR EACH ROW EXECUTE FUNCTION loyalty_link_kept();
CREATE OR REPLACE TRIGGER loyalty_link_stays BEFORE DELETE OR TRUNCATE ON loyalty_link
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: an intent to link is confirmed once; until then its tries are counted; its code may become blank, when
-- its person is erased. It is changed in no other way (23000).
CREATE OR REPLACE FUNCTION loyalty_linkintent_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.user_id, NEW.intent_id, NEW.expires_at, NEW.created_at)
           <> (OLD.id, OLD.user_id, OLD.intent_id, OLD.expires_at, OLD.created_at)
        OR NEW.link_code NOT IN (OLD.link_code, '')
        OR NEW.tries NOT IN (OLD.tries, OLD.tries + 1)
        OR OLD.confirmed_at IS NOT NULL
           AND (NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at OR NEW.tries <> OLD.tries) THEN
        RAISE EXCEPTION 'an intent to link is only confirmed, once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER loyalty_linkintent_kept BEFORE UPDATE ON loyalty_linkintent
    FOR EACH ROW EXECUTE FUNCTION loyalty_linkintent_kept();
CREATE OR REPLACE TRIGGER loyalty_linkintent_stays BEFORE DELETE OR TRUNCATE ON loyalty_linkintent
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: an event that waits is followed, and marked as handled once it is done; its body may become empty, when
-- its person is erased. It is changed in no other way (23000).
CREATE OR REPLACE FUNCTION loyalty_webhook_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.event_id, NEW.type, NEW.received_at) <> (OLD.id, OLD.event_id, OLD.type, OLD.received_at)
        OR NEW.user_id IS DISTINCT FROM OLD.user_id
        OR NEW.body <> OLD.body AND NEW.body <> '{}'
        OR OLD.due_at IS NULL
           AND (NEW.due_at IS NOT NULL OR NEW.handled <> OLD.handled OR NEW.note <> OLD.note)
        OR NEW.due_at IS NOT NULL AND NEW.handled THEN
        RAISE EXCEPTION 'an event is only marked as handled, once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER loyalty_webhook_kept BEFORE UPDATE ON loyalty_webhookevent
    FOR EACH ROW EXECUTE FUNCTION loyalty_webhook_kept();
CREATE OR REPLACE TRIGGER loyalty_webhook_stays BEFORE DELETE OR TRUNCATE ON loyalty_webhookevent
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: a run that has ended never changes (23000).
CREATE OR REPLACE FUNCTION loyalty_run_kept() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.id, NEW.day, NEW.started_at) <> (OLD.id, OLD.day, OLD.started_at) THEN
        RAISE EXCEPTION 'a run that has ended never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER loyalty_run_kept BEFORE UPDATE ON loyalty_reconciliationrun
    FOR EACH ROW EXECUTE FUNCTION loyalty_run_kept();
CREATE OR REPLACE TRIGGER loyalty_run_stays BEFORE DELETE OR TRUNCATE ON loyalty_reconciliationrun
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER loyalty_difference_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_difference
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER loyalty_breaker_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_breakerchange
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
