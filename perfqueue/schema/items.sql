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
