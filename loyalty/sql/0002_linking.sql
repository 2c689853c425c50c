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

CREATE OR REPLACE TRIGGER loyalty_breaker_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_breakerchange
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
