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
