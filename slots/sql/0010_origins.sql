DROP FUNCTION slots_load(uuid[], uuid[], uuid, bigint, boolean, bytea[], bytea[], bytea[], bigint[], bigint[]);

-- Phase 1 of a list of spins: lock the users' slot states, in the order of their ids, then their wallets, in the order of
-- theirs, and return what the rules need, in the order given; the paytable's text with the first. Without p_wait what
-- another transaction has locked is left out: its columns are null, as those of a state or wallet that is missing. With
-- it a user without a state gets one with the given commitment, seed sealed by the key p_seed_key, and chain.
-- p_bets are the stakes that the players ask for, p_caps the operator's spending limits of 24 hours, 7 and 30 days.
-- p_spin_id is the id of a spin to come: its own time says which partitions the last hour lies in (two days of slack for
-- clocks that disagree).
CREATE OR REPLACE FUNCTION slots_load(
    p_user_ids uuid[], p_performer_ids uuid[], p_spin_id uuid, p_hourly_limit bigint, p_wait boolean,
    p_commitments bytea[], p_sealed_seeds bytea[], p_seed_key bigint, p_chains bytea[], p_bets bigint[],
    p_caps bigint[]
) RETURNS TABLE (
    now timestamptz, enabled boolean, performer_known boolean, paytable_id uuid, canonical text,
    nonce bigint, commitment bytea, sealed_seed bytea, seed_key smallint, client_seed text, chain bytea,
    staked_total bigint, paid_total bigint, last_spin_at timestamptz, session_started_at timestamptz,
    session_net bigint, reality_at timestamptz, session_nonce bigint, session_staked bigint,
    used bigint, oldest_used_at timestamptz,
    day_nonce bigint, day_at timestamptz, day_staked bigint, day_limit bigint, day_other bigint, day_frees_at timestamptz,
    week_nonce bigint, week_at timestamptz, week_staked bigint, week_limit bigint, week_other bigint,
    week_frees_at timestamptz,
    month_nonce bigint, month_at timestamptz, month_staked bigint, month_limit bigint, month_other bigint,
    month_frees_at timestamptz,
    wallet_id uuid, wallet_status text, available bigint, held bigint, owed bigint
)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_locked integer;
    v_states uuid[] := p_user_ids;
    v_wallets uuid[];
    v_now timestamptz;
BEGIN
    -- Lock the states, in id order; make those that are missing, and lock again.
    IF p_wait THEN
        PERFORM 1 FROM slots_slotstate s WHERE s.user_id = ANY (p_user_ids) ORDER BY s.user_id FOR NO KEY UPDATE;
        GET DIAGNOSTICS v_locked = ROW_COUNT;
        IF v_locked < cardinality(p_user_ids) THEN
            INSERT INTO slots_slotstate
                (user_id, nonce, commitment, sealed_seed, seed_key, client_seed, chain, staked_total, paid_total,
                 session_net)
            SELECT a.user_id, 0, a.commitment, a.sealed_seed, p_seed_key, '', a.chain, 0, 0, 0
            FROM unnest(p_user_ids, p_commitments, p_sealed_seeds, p_chains)
                AS a (user_id, commitment, sealed_seed, chain)
            ORDER BY a.user_id
            ON CONFLICT DO NOTHING;
            PERFORM 1 FROM slots_slotstate s WHERE s.user_id = ANY (p_user_ids) ORDER BY s.user_id FOR NO KEY UPDATE;
        END IF;
    ELSE
        SELECT array_agg(l.user_id) INTO v_states
        FROM (SELECT s.user_id FROM slots_slotstate s WHERE s.user_id = ANY (p_user_ids)
              ORDER BY s.user_id FOR NO KEY UPDATE SKIP LOCKED) AS l;
    END IF;

    -- Lock their wallets.
    SELECT array_agg(w.id) INTO v_wallets
    FROM escrow_locked_wallets(p_owner => v_states, p_currency => 'POINT', p_wait => p_wait) AS w;

    -- Read in a statement of its own: its snapshot and its time are taken after the locks.
    v_now := core_now();
    RETURN QUERY
    SELECT v_now,
           coalesce((SELECT g.enabled FROM slots_game g WHERE g.code = 'slots'), false),
           a.performer_id IS NULL OR EXISTS (
               SELECT 1 FROM accounts_user u
                WHERE u.id = a.performer_id AND u.role = 'performer' AND u.is_active),
           t.id, CASE WHEN a.place = 1 THEN t.canonical END,
           s.nonce, s.commitment, s.sealed_seed, s.seed_key, s.client_seed::text, s.chain,
           s.staked_total, s.paid_total, s.last_spin_at, s.session_started_at,
           s.session_net, s.reality_at, s.session_nonce, s.session_staked, h.used, h.oldest_at,
           l.day_nonce, l.day_at, l.day_staked, l.day_limit, x.spent[1], l.day_frees_at,
           l.week_nonce, l.week_at, l.week_staked, l.week_limit, x.spent[2], l.week_frees_at,
           l.month_nonce, l.month_at, l.month_staked, l.month_limit, x.spent[3], l.month_frees_at,
           w.id, w.status::text, w.available::bigint, w.held::bigint, w.owed::bigint
    FROM unnest(p_user_ids, p_performer_ids, p_bets) WITH ORDINALITY AS a (user_id, performer_id, bet, place)
    LEFT JOIN escrow_spent(
        p_user => p_user_ids, p_currency => 'POINT',
        p_since => ARRAY[v_now - interval '24 hours', v_now - interval '7 days', v_now - interval '30 days']
    ) WITH ORDINALITY AS x (payer_id, spent, place) ON x.place = a.place
    LEFT JOIN slots_slotstate s ON s.user_id = a.user_id AND s.user_id = ANY (v_states)
    LEFT JOIN escrow_wallet w ON w.owner_id = a.user_id AND w.currency = 'POINT' AND w.id = ANY (v_wallets)
    LEFT JOIN LATERAL slots_window(
        p_state => s, p_limit => p_hourly_limit, p_now => v_now,
        p_from_id => slots_id_floor(slots_id_moment(p_spin_id) - interval '2 days')) AS h ON true
    LEFT JOIN LATERAL slots_spending(
        p_state => s, p_bet => a.bet, p_other => x.spent, p_caps => p_caps, p_now => v_now, p_spin_id => p_spin_id
    ) AS l ON true
    LEFT JOIN slots_paytable t ON t.status = 'active'
    ORDER BY a.place;
END
$$;

-- Phase 3 of a list of spins: write the spins and their origins and update their users' states. Each element of p_spun
-- is a row of slots_spin plus the columns of the origin and of the state alone. The caller holds the states' locks since
-- slots_load(); a state whose nonce is not that of its spin is a defect (23000).
CREATE OR REPLACE FUNCTION slots_store(p_spun jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_moved integer;
BEGIN
    -- Write the spins with their origins, then the states that are still where their spins found them. These are looked
    -- up by their keys: a set of JSON records would be planned for a hundred rows, for which all states are scanned.
    INSERT INTO slots_spin SELECT * FROM jsonb_populate_recordset(NULL::slots_spin, p_spun);
    INSERT INTO slots_spinorigin (spin_id, user_id, address, user_agent, at)
    SELECT n.id, n.user_id, n.address, n.user_agent, n.at
    FROM jsonb_to_recordset(p_spun) AS n (id uuid, user_id uuid, address inet, user_agent text, at timestamptz);
    UPDATE slots_slotstate s
    SET nonce = n.nonce + 1, commitment = n.next_commitment, sealed_seed = n.sealed_seed, seed_key = n.seed_key,
        client_seed = n.client_seed, chain = n.chain, paytable_id = n.paytable_id,
        staked_total = n.staked_total, paid_total = n.paid_total, last_spin_at = n.at,
        session_started_at = n.session_started_at, session_net = n.session_net, reality_at = n.reality_at,
        session_nonce = n.session_nonce, session_staked = n.session_staked,
        window_nonce = n.window_nonce, window_at = n.window_at,
        day_nonce = n.day_nonce, day_at = n.day_at, day_staked = n.day_staked,
        week_nonce = n.week_nonce, week_at = n.week_at, week_staked = n.week_staked,
        month_nonce = n.month_nonce, month_at = n.month_at, month_staked = n.month_staked
    FROM unnest(ARRAY(SELECT jsonb_array_elements(p_spun))) AS e (spun)
    CROSS JOIN LATERAL jsonb_to_record(e.spun) AS n (
        user_id uuid, nonce bigint, at timestamptz, next_commitment bytea, sealed_seed bytea, seed_key smallint,
        client_seed text, chain bytea, paytable_id uuid, staked_total bigint, paid_total bigint,
        session_started_at timestamptz, session_net bigint, reality_at timestamptz, session_nonce bigint, session_staked bigint,
        window_nonce bigint, window_at timestamptz, day_nonce bigint, day_at timestamptz, day_staked bigint,
        week_nonce bigint, week_at timestamptz, week_staked bigint,
        month_nonce bigint, month_at timestamptz, month_staked bigint)
    WHERE s.user_id = n.user_id AND s.nonce = n.nonce;
    GET DIAGNOSTICS v_moved = ROW_COUNT;

    -- Refuse the whole list if a state was not.
    IF v_moved <> jsonb_array_length(p_spun) THEN
        RAISE EXCEPTION 'a slot state is not where its spin found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;
