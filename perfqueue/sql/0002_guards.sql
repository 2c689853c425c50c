-- The graph and the money's condition, held against raw SQL.

CREATE FUNCTION perfqueue_item_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> (CASE NEW.fulfilment WHEN 'performed' THEN 'created' ELSE 'finished' END) THEN
            RAISE EXCEPTION 'a % item cannot begin as %', NEW.fulfilment, NEW.state
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state IN ('finished', 'refunded') THEN
        RAISE EXCEPTION 'item % is final', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
        ('created', 'started'), ('created', 'abandoned'), ('created', 'refunded'),
        ('started', 'finished'), ('started', 'abandoned'), ('started', 'refunded'),
        ('abandoned', 'refunded'), ('abandoned', 'finished')) THEN
        RAISE EXCEPTION 'item %: % to % is no step of the lifecycle', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.user_id, NEW.hold_id, NEW.tokens, NEW.currency, NEW.fulfilment, NEW.source_feature,
        NEW.idempotency_key, NEW.fee_bps, NEW.award, NEW.created_at)
        <> (OLD.id, OLD.user_id, OLD.hold_id, OLD.tokens, OLD.currency, OLD.fulfilment, OLD.source_feature,
        OLD.idempotency_key, OLD.fee_bps, OLD.award, OLD.created_at)
        OR NEW.performer_id IS DISTINCT FROM OLD.performer_id OR NEW.turn IS DISTINCT FROM OLD.turn THEN
        RAISE EXCEPTION 'item % keeps its terms and its place', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER perfqueue_item_guard BEFORE INSERT OR UPDATE ON perfqueue_queueitem
    FOR EACH ROW EXECUTE FUNCTION perfqueue_item_guard();
CREATE TRIGGER perfqueue_item_kept BEFORE DELETE OR TRUNCATE ON perfqueue_queueitem
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER perfqueue_transition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON perfqueue_transition
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER perfqueue_strike_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON perfqueue_strike
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- A hold pays or returns only what the item's final state says; without an item it may only expire.
CREATE FUNCTION perfqueue_hold_guard() RETURNS trigger
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
CREATE TRIGGER perfqueue_hold_guard BEFORE UPDATE OF captured, released ON escrow_hold
    FOR EACH ROW EXECUTE FUNCTION perfqueue_hold_guard();
