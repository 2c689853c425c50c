-- holds.sql

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

-- items.sql

-- Trigger function: an item starts as created (performed) or finished (instant), follows the edges of the life cycle,
-- is final once finished or refunded, and keeps its terms and its turn (23000).
CREATE OR REPLACE FUNCTION perfqueue_item_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- A new item starts as its fulfilment says.
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> (CASE NEW.fulfilment WHEN 'performed' THEN 'created' ELSE 'finished' END) THEN
            RAISE EXCEPTION 'a % item cannot begin as %', NEW.fulfilment, NEW.state
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;

    -- The edges of the life cycle.
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

    -- The terms and the turn.
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
CREATE OR REPLACE TRIGGER perfqueue_item_guard BEFORE INSERT OR UPDATE ON perfqueue_queueitem
    FOR EACH ROW EXECUTE FUNCTION perfqueue_item_guard();
CREATE OR REPLACE TRIGGER perfqueue_item_kept BEFORE DELETE OR TRUNCATE ON perfqueue_queueitem
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Transitions and strikes are never changed or deleted.
CREATE OR REPLACE TRIGGER perfqueue_transition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON perfqueue_transition
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER perfqueue_strike_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON perfqueue_strike
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Store new items with their transitions, and count up the queues' next turn past the items' turns. The rows are
-- complete (every column). The caller holds the lock of each queue that a performed item joins.
CREATE OR REPLACE FUNCTION perfqueue_store(p_items jsonb, p_transitions jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO perfqueue_queueitem
    SELECT * FROM jsonb_populate_recordset(NULL::perfqueue_queueitem, p_items);
    INSERT INTO perfqueue_transition
    SELECT * FROM jsonb_populate_recordset(NULL::perfqueue_transition, p_transitions);
    UPDATE perfqueue_performerqueue q SET next_turn = s.last + 1
      FROM (SELECT performer_id, max(turn) AS last
              FROM jsonb_populate_recordset(NULL::perfqueue_queueitem, p_items)
             WHERE turn IS NOT NULL GROUP BY performer_id) s
     WHERE q.performer_id = s.performer_id;
END
$$;

-- runs.sql

-- Trigger function: a run ends once, when each of its items has a result, and nothing else of it changes (23000).
CREATE OR REPLACE FUNCTION perfqueue_run_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
        OR (to_jsonb(NEW) - 'ended_at') IS DISTINCT FROM (to_jsonb(OLD) - 'ended_at') THEN
        RAISE EXCEPTION 'run % keeps what it was asked', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.ended_at IS NOT NULL
        AND EXISTS (SELECT 1 FROM perfqueue_runitem i WHERE i.run_id = NEW.id AND i.done_at IS NULL) THEN
        RAISE EXCEPTION 'run % has items without a result', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_run_guard BEFORE UPDATE ON perfqueue_run
    FOR EACH ROW EXECUTE FUNCTION perfqueue_run_guard();
CREATE OR REPLACE TRIGGER perfqueue_run_kept BEFORE DELETE OR TRUNCATE ON perfqueue_run
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: an item of a run gets one result, which is kept (23000).
CREATE OR REPLACE FUNCTION perfqueue_run_item_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.done_at IS NOT NULL OR (NEW.id, NEW.run_id, NEW.item_id) <> (OLD.id, OLD.run_id, OLD.item_id) THEN
        RAISE EXCEPTION 'run item % keeps its first result', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_run_item_guard BEFORE UPDATE ON perfqueue_runitem
    FOR EACH ROW EXECUTE FUNCTION perfqueue_run_item_guard();
CREATE OR REPLACE TRIGGER perfqueue_run_item_kept BEFORE DELETE OR TRUNCATE ON perfqueue_runitem
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
