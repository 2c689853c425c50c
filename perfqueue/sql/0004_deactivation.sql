-- Trigger function: the queue of a deactivated performer cannot be open (23000). Locks the performer's account against a
-- deactivation until the transaction ends.
CREATE OR REPLACE FUNCTION perfqueue_queue_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM accounts_user u WHERE u.id = NEW.performer_id AND u.is_active FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the queue of % cannot be open: the account is deactivated', NEW.performer_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_queue_guard BEFORE INSERT OR UPDATE OF is_open ON perfqueue_performerqueue
    FOR EACH ROW WHEN (NEW.is_open) EXECUTE FUNCTION perfqueue_queue_guard();

-- Trigger function: an account is deactivated only once its queue is closed and empty (23000).
CREATE OR REPLACE FUNCTION perfqueue_account_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM perfqueue_performerqueue q WHERE q.performer_id = NEW.id AND q.is_open)
        OR EXISTS (SELECT 1 FROM perfqueue_queueitem i
                    WHERE i.performer_id = NEW.id AND i.turn IS NOT NULL AND i.state IN ('created', 'started')) THEN
        RAISE EXCEPTION 'the account % cannot be deactivated: its queue is open or has items', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_account_guard BEFORE UPDATE OF is_active ON accounts_user
    FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION perfqueue_account_guard();
