-- Return the first spin of a user after p_since among the nonces from p_low on, and the points staked before it. p_next is
-- the next nonce of the user, and the nonce returned where there is none; the other two are null then.
-- Nonces have no gaps and times rise with them, so it is searched in growing steps from p_low on, then between the last
-- two: a pointer that moves by a few spins costs a few look-ups. Only ids from p_from_id on are read.
CREATE OR REPLACE FUNCTION slots_first_since(
    p_user_id uuid, p_low bigint, p_next bigint, p_since timestamptz, p_from_id uuid,
    OUT nonce bigint, OUT at timestamptz, OUT staked bigint
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_low bigint := p_low;
    v_high bigint := p_next;
    v_step bigint := 1;
    v_middle bigint;
    v_at timestamptz;
    v_staked bigint;
BEGIN
    WHILE v_low < v_high LOOP
        v_middle := least(v_low + v_step - 1, (v_low + v_high) / 2);
        SELECT p.at, p.staked_total - p.bet INTO v_at, v_staked FROM slots_spin p
            WHERE p.user_id = p_user_id AND p.nonce = v_middle AND p.at > p_since AND p.id >= p_from_id;
        IF FOUND THEN
            v_high := v_middle;
            v_step := p_next;
            at := v_at;
            staked := v_staked;
        ELSE
            v_low := v_middle + 1;
            v_step := v_step * 2;
        END IF;
    END LOOP;
    nonce := v_low;
END
$$;

-- Return for 24 hours, 7 days and 30 days before p_now the first spin of a user's state, its time, null without one, and
-- the points staked before it: what was staked in the window is staked_total less these.
-- The state points to the first of each since the last spin. What is older was out of the window then and is out of it
-- now, so the pointer answers while its spin is in the window; else it is searched from the pointer on, or from the
-- beginning where the clock has run back. p_spin_id is the id of a spin to come, as in slots_load().
CREATE OR REPLACE FUNCTION slots_windows(
    p_state slots_slotstate, p_now timestamptz, p_spin_id uuid,
    OUT day_nonce bigint, OUT day_at timestamptz, OUT day_staked bigint,
    OUT week_nonce bigint, OUT week_at timestamptz, OUT week_staked bigint,
    OUT month_nonce bigint, OUT month_at timestamptz, OUT month_staked bigint
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_rises boolean := p_state.last_spin_at <= p_now;
BEGIN
    IF v_rises AND p_state.day_at > p_now - interval '24 hours' THEN
        day_nonce := p_state.day_nonce;
        day_at := p_state.day_at;
        day_staked := p_state.day_staked;
    ELSE
        SELECT f.nonce, f.at, coalesce(f.staked, p_state.staked_total) INTO day_nonce, day_at, day_staked
          FROM slots_first_since(
              p_user_id => p_state.user_id, p_low => CASE WHEN v_rises THEN coalesce(p_state.day_nonce, 0) ELSE 0 END,
              p_next => p_state.nonce, p_since => p_now - interval '24 hours',
              p_from_id => slots_id_floor(slots_id_moment(p_spin_id) - interval '3 days')) AS f;
    END IF;
    IF v_rises AND p_state.week_at > p_now - interval '7 days' THEN
        week_nonce := p_state.week_nonce;
        week_at := p_state.week_at;
        week_staked := p_state.week_staked;
    ELSE
        SELECT f.nonce, f.at, coalesce(f.staked, p_state.staked_total) INTO week_nonce, week_at, week_staked
          FROM slots_first_since(
              p_user_id => p_state.user_id, p_low => CASE WHEN v_rises THEN coalesce(p_state.week_nonce, 0) ELSE 0 END,
              p_next => p_state.nonce, p_since => p_now - interval '7 days',
              p_from_id => slots_id_floor(slots_id_moment(p_spin_id) - interval '9 days')) AS f;
    END IF;
    IF v_rises AND p_state.month_at > p_now - interval '30 days' THEN
        month_nonce := p_state.month_nonce;
        month_at := p_state.month_at;
        month_staked := p_state.month_staked;
    ELSE
        SELECT f.nonce, f.at, coalesce(f.staked, p_state.staked_total) INTO month_nonce, month_at, month_staked
          FROM slots_first_since(
              p_user_id => p_state.user_id, p_low => CASE WHEN v_rises THEN coalesce(p_state.month_nonce, 0) ELSE 0 END,
              p_next => p_state.nonce, p_since => p_now - interval '30 days',
              p_from_id => slots_id_floor(slots_id_moment(p_spin_id) - interval '32 days')) AS f;
    END IF;
END
$$;

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
