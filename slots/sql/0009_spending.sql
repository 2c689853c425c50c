DROP FUNCTION slots_load(uuid[], uuid[], uuid, bigint, boolean, bytea[], bytea[], bytea[]);

-- Return when p_points of what a user spent since p_since were spent, oldest first, so that they are the first to leave a
-- window; null if they spent less. p_low is the nonce of the first spin since then, p_staked the points staked before it.
-- Spins are searched by their running totals; holds of other features, which are few, are gone through: with the first k
-- of them gone, spins must have given the rest.
CREATE OR REPLACE FUNCTION slots_spent_by(
    p_user_id uuid, p_low bigint, p_next bigint, p_staked bigint, p_points bigint, p_since timestamptz, p_from_id uuid,
    OUT at timestamptz
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_hold record;
    v_low bigint;
    v_high bigint;
    v_middle bigint;
    v_at timestamptz;
BEGIN
    FOR v_hold IN
        SELECT 0::numeric AS points, p_since AS at
        UNION ALL
        SELECT sum(h.amount - h.released) OVER (ORDER BY h.created_at, h.id), h.created_at FROM escrow_hold h
         WHERE h.payer_id = p_user_id AND h.currency = 'POINT' AND h.created_at > p_since AND h.feature <> 'slots'
        ORDER BY points, at
    LOOP
        v_at := NULL;
        v_low := p_low;
        v_high := p_next;
        IF v_hold.points >= p_points THEN
            v_at := v_hold.at;
            v_high := v_low;
        END IF;
        WHILE v_low < v_high LOOP
            v_middle := (v_low + v_high) / 2;
            PERFORM 1 FROM slots_spin p
                WHERE p.user_id = p_user_id AND p.nonce = v_middle AND p.id >= p_from_id
                  AND p.staked_total - p_staked < p_points - v_hold.points;
            IF FOUND THEN
                v_low := v_middle + 1;
            ELSE
                v_high := v_middle;
            END IF;
        END LOOP;
        IF v_hold.points < p_points THEN
            SELECT p.at INTO v_at FROM slots_spin p
                WHERE p.user_id = p_user_id AND p.nonce = v_low AND p.nonce < p_next AND p.id >= p_from_id;
        END IF;
        IF v_at IS NOT NULL THEN
            at := least(at, greatest(v_at, v_hold.at));
        END IF;
        EXIT WHEN v_hold.points >= p_points;
    END LOOP;
END
$$;

-- Return what the gate of spending limits needs of a user's state for 24 hours, 7 days and 30 days before p_now: the
-- windows of slots_windows(), the user's own limits, and when the window has room for p_bet, null if it has room or never
-- will. p_other is what other features' holds have spent in each; p_caps are the operator's limits, null for none.
CREATE OR REPLACE FUNCTION slots_spending(
    p_state slots_slotstate, p_bet bigint, p_other bigint[], p_caps bigint[], p_now timestamptz, p_spin_id uuid,
    OUT day_nonce bigint, OUT day_at timestamptz, OUT day_staked bigint, OUT day_limit bigint, OUT day_frees_at timestamptz,
    OUT week_nonce bigint, OUT week_at timestamptz, OUT week_staked bigint, OUT week_limit bigint,
    OUT week_frees_at timestamptz,
    OUT month_nonce bigint, OUT month_at timestamptz, OUT month_staked bigint, OUT month_limit bigint,
    OUT month_frees_at timestamptz
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_over bigint;
    v_from uuid;
BEGIN
    SELECT w.day_nonce, w.day_at, w.day_staked, w.week_nonce, w.week_at, w.week_staked,
           w.month_nonce, w.month_at, w.month_staked
      INTO day_nonce, day_at, day_staked, week_nonce, week_at, week_staked, month_nonce, month_at, month_staked
      FROM slots_windows(p_state => p_state, p_now => p_now, p_spin_id => p_spin_id) AS w;
    SELECT max(m.amount) FILTER (WHERE m.window = '24h'), max(m.amount) FILTER (WHERE m.window = '7d'),
           max(m.amount) FILTER (WHERE m.window = '30d')
      INTO day_limit, week_limit, month_limit
      FROM compliance_limit m WHERE m.user_id = p_state.user_id AND m.currency = 'POINT';

    -- Where the bet does not fit, find when enough has left.
    v_over := p_state.staked_total - day_staked + p_other[1] + p_bet - least(day_limit, p_caps[1]);
    IF v_over > 0 THEN
        v_from := slots_id_floor(slots_id_moment(p_spin_id) - interval '3 days');
        day_frees_at := interval '24 hours' + slots_spent_by(
            p_user_id => p_state.user_id, p_low => day_nonce, p_next => p_state.nonce, p_staked => day_staked,
            p_points => v_over, p_since => p_now - interval '24 hours', p_from_id => v_from);
    END IF;
    v_over := p_state.staked_total - week_staked + p_other[2] + p_bet - least(week_limit, p_caps[2]);
    IF v_over > 0 THEN
        v_from := slots_id_floor(slots_id_moment(p_spin_id) - interval '9 days');
        week_frees_at := interval '7 days' + slots_spent_by(
            p_user_id => p_state.user_id, p_low => week_nonce, p_next => p_state.nonce, p_staked => week_staked,
            p_points => v_over, p_since => p_now - interval '7 days', p_from_id => v_from);
    END IF;
    v_over := p_state.staked_total - month_staked + p_other[3] + p_bet - least(month_limit, p_caps[3]);
    IF v_over > 0 THEN
        v_from := slots_id_floor(slots_id_moment(p_spin_id) - interval '32 days');
        month_frees_at := interval '30 days' + slots_spent_by(
            p_user_id => p_state.user_id, p_low => month_nonce, p_next => p_state.nonce, p_staked => month_staked,
            p_points => v_over, p_since => p_now - interval '30 days', p_from_id => v_from);
    END IF;
END
$$;

-- Phase 1 of a list of spins: lock the users' slot states, in the order of their ids, then their wallets, in the order of
-- theirs, and return what the rules need, in the order given; the paytable's text with the first. Without p_wait what
-- another transaction has locked is left out: its columns are null, as those of a state or wallet that is missing. With
-- it a user without a state gets one with the given commitment, sealed seed and chain.
-- p_bets are the stakes that the players ask for, p_caps the operator's spending limits of 24 hours, 7 and 30 days.
-- p_spin_id is the id of a spin to come: its own time says which partitions the last hour lies in (two days of slack for
-- clocks that disagree).
CREATE OR REPLACE FUNCTION slots_load(
    p_user_ids uuid[], p_performer_ids uuid[], p_spin_id uuid, p_hourly_limit bigint, p_wait boolean,
    p_commitments bytea[], p_sealed_seeds bytea[], p_chains bytea[], p_bets bigint[], p_caps bigint[]
) RETURNS TABLE (
    now timestamptz, enabled boolean, performer_known boolean, paytable_id uuid, canonical text,
    nonce bigint, commitment bytea, sealed_seed bytea, client_seed text, chain bytea,
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
                (user_id, nonce, commitment, sealed_seed, client_seed, chain, staked_total, paid_total, session_net)
            SELECT a.user_id, 0, a.commitment, a.sealed_seed, '', a.chain, 0, 0, 0
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
           s.nonce, s.commitment, s.sealed_seed, s.client_seed::text, s.chain,
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

-- Phase 3 of a list of spins: write the spins and update their users' states. Each element of p_spun is a row of
-- slots_spin plus the columns of the state alone. The caller holds the states' locks since slots_load(); a state whose
-- nonce is not that of its spin is a defect (23000).
CREATE OR REPLACE FUNCTION slots_store(p_spun jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_moved integer;
BEGIN
    -- Write the spins, then the states that are still where their spins found them. These are looked up by their keys: a
    -- set of JSON records would be planned for a hundred rows, for which all states are scanned.
    INSERT INTO slots_spin SELECT * FROM jsonb_populate_recordset(NULL::slots_spin, p_spun);
    UPDATE slots_slotstate s
    SET nonce = n.nonce + 1, commitment = n.next_commitment, sealed_seed = n.sealed_seed,
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
        user_id uuid, nonce bigint, at timestamptz, next_commitment bytea, sealed_seed bytea, client_seed text,
        chain bytea, paytable_id uuid, staked_total bigint, paid_total bigint, session_started_at timestamptz,
        session_net bigint, reality_at timestamptz, session_nonce bigint, session_staked bigint,
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
