-- holds.sql: a hold that is settled from the start (ADR 0070)

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
