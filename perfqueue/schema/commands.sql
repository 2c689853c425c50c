-- Lock the queue of a performed item, then the item, for a command on it. Returns the queue, the time after the locks,
-- and in the order of their turns: the item, the started one, and the first three others that wait (so that three are
-- left whatever the command does). No row: there is no such item, or it is in no queue.
CREATE OR REPLACE FUNCTION perfqueue_lock_item(p_item uuid)
RETURNS TABLE (now timestamptz, queue perfqueue_performerqueue, item perfqueue_queueitem)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    -- Lock the queue, then the item.
    SELECT q.* INTO queue FROM perfqueue_performerqueue q
     WHERE q.performer_id = (SELECT i.performer_id FROM perfqueue_queueitem i
                              WHERE i.id = p_item AND i.fulfilment = 'performed')
       FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM FROM perfqueue_queueitem i WHERE i.id = p_item FOR NO KEY UPDATE;
    now := core_now();

    -- Read, in a new snapshot, what the command may depend on.
    FOR item IN
        SELECT f.* FROM (
            SELECT i.* FROM perfqueue_queueitem i WHERE i.id = p_item
             UNION ALL
            (SELECT i.* FROM perfqueue_queueitem i
              WHERE i.performer_id = queue.performer_id AND i.state = 'started' AND i.fulfilment = 'performed'
                AND i.id <> p_item)
             UNION ALL
            (SELECT i.* FROM perfqueue_queueitem i
              WHERE i.performer_id = queue.performer_id AND i.state = 'created' AND i.id <> p_item
              ORDER BY i.turn LIMIT 3)) f
         ORDER BY f.turn LOOP
        RETURN NEXT;
    END LOOP;
END
$$;

-- Store what commands have changed of items that their caller has locked the queues of: states, times, amounts, causes,
-- notices; with the transitions (complete rows) of those that have taken a step. Other columns of p_items are not read.
CREATE OR REPLACE FUNCTION perfqueue_change(p_items jsonb, p_transitions jsonb) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    changed bigint;
BEGIN
    UPDATE perfqueue_queueitem i
       SET state = c.state, started_at = c.started_at, ended_at = c.ended_at, rope_drop_at = c.rope_drop_at,
           rope_drop_left_ms = c.rope_drop_left_ms, deadline_at = c.deadline_at, resolve_by = c.resolve_by,
           settle_tokens = c.settle_tokens, refund_tokens = c.refund_tokens, cause = c.cause, reason = c.reason,
           third_noticed = c.third_noticed, next_noticed = c.next_noticed
      FROM unnest(ARRAY(SELECT jsonb_array_elements(p_items))) AS e (item),  -- planned for 10 rows: by the index
           jsonb_populate_record(NULL::perfqueue_queueitem, e.item) c
     WHERE i.id = c.id;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> jsonb_array_length(p_items) THEN
        RAISE EXCEPTION '% of % items were there to be changed', changed, jsonb_array_length(p_items);
    END IF;
    INSERT INTO perfqueue_transition
    SELECT * FROM jsonb_populate_recordset(NULL::perfqueue_transition, p_transitions);
END
$$;
