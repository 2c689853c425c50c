-- Store new items with their transition rows and draw their tickets, in one round trip. The rows come complete
-- (every column); the caller holds the lock of each line that a performed item joins.
CREATE FUNCTION perfqueue_store(p_items jsonb, p_transitions jsonb) RETURNS void
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
