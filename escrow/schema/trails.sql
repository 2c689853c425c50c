-- The steps of each hold's money, oldest first: which operation, how much, when. A split is its settle and its refund.
-- A generic plan: as a plain statement, a list of one is planned anew each time, since its plan looks cheaper (measured:
-- 0.26 ms of planning for 0.04 ms of execution).
CREATE OR REPLACE FUNCTION escrow_trail(p_hold uuid[])
RETURNS TABLE (hold uuid, operation text, amount bigint, at timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT h.id, step.operation, step.amount::bigint, o.at
      FROM escrow_operation o JOIN escrow_hold h ON h.id = o.hold_id
     CROSS JOIN LATERAL (VALUES
            ('hold', CASE WHEN o.kind = 'hold' THEN h.amount END, 1),
            ('settle', CASE WHEN o.kind IN ('settle', 'split') THEN h.captured END, 2),
            (CASE WHEN o.kind = 'expire' THEN 'expire' ELSE 'refund' END,
             CASE WHEN o.kind IN ('refund', 'split', 'expire') THEN h.released END, 3)
          ) AS step(operation, amount, place)
     WHERE o.hold_id = ANY (p_hold) AND step.amount IS NOT NULL
     ORDER BY o.id, step.place;
END
$$;
