-- The functions of this folder that move balances take arrays: element i of each is one operation. They lock every row
-- they need of one class, in id order, before the next class, then decide element by element: later elements see the
-- effect of earlier ones. A refusal is a code in the element's row and writes nothing; SQLSTATEs are for defects and
-- locks. A known key with the same fingerprint is a replay: the row repeats the first result, with `replayed` true.

-- What is known of an idempotency key: no row if it is unused; the id of its operation if the fingerprint is the same;
-- else IDEMPOTENCY_KEY_REUSED.
CREATE OR REPLACE FUNCTION escrow_known(p_scope text, p_key text, p_fingerprint bytea)
RETURNS TABLE (operation uuid, code text)
LANGUAGE sql STABLE AS $$
    SELECT o.id, CASE WHEN o.fingerprint <> p_fingerprint THEN 'IDEMPOTENCY_KEY_REUSED' END
      FROM escrow_operation o WHERE o.scope = p_scope AND o.key = p_key
$$;
