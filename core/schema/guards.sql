-- Trigger function of append-only tables: refuses every UPDATE, DELETE and TRUNCATE (23000). Statement level, so that a
-- statement that finds no row is refused too.
CREATE OR REPLACE FUNCTION core_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;

-- A move of the clock is a record: verifiers accept times that run back across one.
CREATE OR REPLACE TRIGGER core_clock_move_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON core_clock_move
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
