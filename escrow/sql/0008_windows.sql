-- Return what each user has spent since each of these times, in the order of p_since: what is held or captured of their
-- holds, so that what was refunded does not count. Holds of spins are left out: the running totals of spins have them.
CREATE OR REPLACE FUNCTION escrow_spent(p_user uuid[], p_currency text, p_since timestamptz[])
RETURNS TABLE (payer_id uuid, spent bigint[])
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT a.id, ARRAY(
               SELECT coalesce((SELECT sum(h.amount - h.released) FROM escrow_hold h
                                 WHERE h.payer_id = a.id AND h.currency = p_currency AND h.created_at > s.since
                                   AND h.feature <> 'slots'), 0)::bigint
                 FROM unnest(p_since) WITH ORDINALITY AS s (since, place)
                ORDER BY s.place)
      FROM unnest(p_user) AS a (id);
END
$$;
