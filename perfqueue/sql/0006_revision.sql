-- Trigger function: each update of a queue's row counts up its revision, so that what was read under an earlier one is
-- known to be old. The revision is never set by hand.
CREATE OR REPLACE FUNCTION perfqueue_revise() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_queue_revised BEFORE UPDATE ON perfqueue_performerqueue
    FOR EACH ROW EXECUTE FUNCTION perfqueue_revise();

-- Trigger function: a new or changed item of a queue is a new revision of the queue, once a transaction: readers see all
-- of it or nothing. Deferred to the end of the transaction, when most commands have updated the queue's row themselves;
-- all of them have locked it.
CREATE OR REPLACE FUNCTION perfqueue_item_revised() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE perfqueue_performerqueue q SET revision = q.revision + 1
     WHERE q.performer_id = NEW.performer_id AND q.xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS perfqueue_item_revised ON perfqueue_queueitem;
CREATE CONSTRAINT TRIGGER perfqueue_item_revised AFTER INSERT OR UPDATE ON perfqueue_queueitem
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.turn IS NOT NULL)
    EXECUTE FUNCTION perfqueue_item_revised();
