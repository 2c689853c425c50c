-- Trigger function: a hold pays only the settle_tokens of its finished item and returns only the refund_tokens of its
-- finished or refunded item; a hold without an item returns its amount once it has expired (23000).
CREATE OR REPLACE FUNCTION perfqueue_hold_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    item perfqueue_queueitem;
BEGIN
    SELECT * INTO item FROM perfqueue_queueitem i WHERE i.hold_id = NEW.id;
    IF NEW.captured > OLD.captured
        AND NOT coalesce(item.state = 'finished' AND item.settle_tokens = NEW.captured, false) THEN
        RAISE EXCEPTION 'hold % may pay only what its finished item says', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.released > OLD.released AND NOT (
        coalesce(item.state IN ('refunded', 'finished') AND item.refund_tokens = NEW.released, false)
        OR (item.id IS NULL AND coalesce(OLD.expires_at <= core_now(), false))) THEN
        RAISE EXCEPTION 'hold % may return only what its item says, or expire without one', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_hold_guard BEFORE UPDATE OF captured, released ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION perfqueue_hold_guard();
