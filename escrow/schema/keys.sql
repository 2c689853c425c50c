-- What is known of an idempotency key: no row if it is unused; the id of its operation if the fingerprint is the same;
-- else IDEMPOTENCY_KEY_REUSED.
CREATE OR REPLACE FUNCTION escrow_known(p_scope text, p_key text, p_fingerprint bytea)
RETURNS TABLE (operation uuid, code text)
LANGUAGE sql STABLE AS $$
    SELECT o.id, CASE WHEN o.fingerprint <> p_fingerprint THEN 'IDEMPOTENCY_KEY_REUSED' END
      FROM escrow_operation o WHERE o.scope = p_scope AND o.key = p_key
$$;
