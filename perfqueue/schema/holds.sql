-- Trigger function, once per UPDATE statement: a hold pays only the settle_tokens of its finished item and returns only
-- the refund_tokens of its finished or refunded item; a hold without an item returns its amount once it has expired
-- (23000). Each item is looked up by its hold: nothing is joined as a whole, however small the table was at first.
CREATE OR REPLACE FUNCTION perfqueue_hold_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.id, w.pays INTO wrong
      FROM (SELECT * FROM fresh WHERE captured > 0 OR released > 0) n
      LEFT JOIN LATERAL (SELECT * FROM perfqueue_queueitem q WHERE q.hold_id = n.id LIMIT 1) i ON true
     CROSS JOIN LATERAL (SELECT
        n.captured > 0 AND (i.state = 'finished' AND i.settle_tokens = n.captured) IS NOT TRUE AS pays,
        n.released > 0 AND (i.state IN ('refunded', 'finished') AND i.refund_tokens = n.released) IS NOT TRUE
            AND (i.id IS NOT NULL OR NOT EXISTS (
                SELECT FROM stale o WHERE o.id = n.id AND o.expires_at <= core_now())) AS returns) w
     WHERE w.pays OR w.returns
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%', CASE
            WHEN wrong.pays THEN format('hold %s may pay only what its finished item says', wrong.id)
            ELSE format('hold %s may return only what its item says, or expire without one', wrong.id) END
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_hold_guard AFTER UPDATE ON escrow_hold
    REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION perfqueue_hold_guard();

-- Trigger function: a hold that is closed from the start pays what its finished item says (23000).
CREATE OR REPLACE FUNCTION perfqueue_hold_settled() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM perfqueue_queueitem i
                    WHERE i.hold_id = NEW.id AND i.state = 'finished' AND i.settle_tokens = NEW.captured) THEN
        RAISE EXCEPTION 'hold % may pay only what its finished item says', NEW.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER perfqueue_hold_settled AFTER INSERT ON escrow_hold
    FOR EACH ROW WHEN (NEW.status <> 'HELD') EXECUTE FUNCTION perfqueue_hold_settled();
