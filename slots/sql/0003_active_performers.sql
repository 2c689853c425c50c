-- Phase 1 of a list of spins: lock the users' slot states, in the order of their ids, and return what the rules need,
-- in the order given. A user without a state gets one with the given commitment, sealed seed and chain.
-- p_spin_ids are the ids of the spins to come: their own time says which partitions the last hour lies in (two days of
-- slack for clocks that disagree).
CREATE OR REPLACE FUNCTION slots_load(
    p_user_ids uuid[], p_spin_ids uuid[], p_performer_ids uuid[],
    p_commitments bytea[], p_sealed_seeds bytea[], p_chains bytea[], p_hourly_limit bigint
) RETURNS TABLE (
    user_id uuid, now timestamptz, enabled boolean, performer_known boolean,
    paytable_id uuid, canonical text, nonce bigint, commitment bytea, sealed_seed bytea, client_seed text, chain bytea,
    staked_total bigint, paid_total bigint, last_spin_at timestamptz, session_started_at timestamptz,
    session_net bigint, reality_at timestamptz, used bigint, oldest_used_at timestamptz
)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_locked integer;
    v_now timestamptz;
BEGIN
    -- Lock the states, in id order.
    PERFORM 1 FROM slots_slotstate s WHERE s.user_id = ANY (p_user_ids) ORDER BY s.user_id FOR NO KEY UPDATE;
    GET DIAGNOSTICS v_locked = ROW_COUNT;

    -- Make the states that are missing, and lock again.
    IF v_locked < cardinality(p_user_ids) THEN
        INSERT INTO slots_slotstate
            (user_id, nonce, commitment, sealed_seed, client_seed, chain, staked_total, paid_total, session_net)
        SELECT a.user_id, 0, a.commitment, a.sealed_seed, '', a.chain, 0, 0, 0
        FROM unnest(p_user_ids, p_commitments, p_sealed_seeds, p_chains) AS a (user_id, commitment, sealed_seed, chain)
        ORDER BY a.user_id
        ON CONFLICT DO NOTHING;
        PERFORM 1 FROM slots_slotstate s WHERE s.user_id = ANY (p_user_ids) ORDER BY s.user_id FOR NO KEY UPDATE;
    END IF;

    -- Read in a statement of its own: its snapshot is taken after the locks.
    v_now := core_now();
    RETURN QUERY
    SELECT s.user_id, v_now,
           coalesce((SELECT g.enabled FROM slots_game g WHERE g.code = 'slots'), false),
           a.performer_id IS NULL OR EXISTS (
               SELECT 1 FROM accounts_user u
                WHERE u.id = a.performer_id AND u.role = 'performer' AND u.is_active),
           t.id, t.canonical, s.nonce, s.commitment, s.sealed_seed, s.client_seed::text, s.chain,
           s.staked_total, s.paid_total, s.last_spin_at, s.session_started_at,
           s.session_net, s.reality_at, h.used, h.oldest_at
    FROM unnest(p_user_ids, p_spin_ids, p_performer_ids) WITH ORDINALITY AS a (user_id, spin_id, performer_id, place)
    JOIN slots_slotstate s ON s.user_id = a.user_id
    CROSS JOIN LATERAL slots_used(
        s.user_id, s.nonce, p_hourly_limit, v_now - interval '1 hour',
        slots_id_floor(slots_id_moment(a.spin_id) - interval '2 days')) AS h
    LEFT JOIN slots_paytable t ON t.status = 'active'
    ORDER BY a.place;
END
$$;
