-- Return what a user has spent in 24 hours, 7 days and 30 days before p_now, without spins, and when each window has room
-- for p_amount under the limits p_limits, null if it has room or never will; nulls without any limit. Strict: without a
-- currency nothing is read.
CREATE OR REPLACE FUNCTION compliance_spent(
    p_user_id uuid, p_currency text, p_limits bigint[], p_amount bigint, p_now timestamptz,
    OUT day_spent bigint, OUT week_spent bigint, OUT month_spent bigint,
    OUT day_frees_at timestamptz, OUT week_frees_at timestamptz, OUT month_frees_at timestamptz
)
LANGUAGE plpgsql STABLE STRICT SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_spans interval[] := ARRAY['24 hours', '7 days', '30 days'];
    v_spent bigint[];
    v_frees timestamptz[] := ARRAY[NULL, NULL, NULL];
BEGIN
    IF coalesce(p_limits[1], p_limits[2], p_limits[3]) IS NULL THEN
        RETURN;
    END IF;
    SELECT s.spent INTO v_spent
      FROM escrow_spent(p_user => ARRAY[p_user_id], p_currency => p_currency,
                        p_since => ARRAY[p_now - v_spans[1], p_now - v_spans[2], p_now - v_spans[3]]) AS s;
    FOR i IN 1..3 LOOP
        IF v_spent[i] + p_amount > p_limits[i] THEN
            v_frees[i] := (
                SELECT h.created_at + v_spans[i]
                  FROM (SELECT x.created_at, sum(x.amount - x.released) OVER (ORDER BY x.created_at, x.id) AS gone
                          FROM escrow_hold x
                         WHERE x.payer_id = p_user_id AND x.currency = p_currency AND x.feature <> 'slots'
                           AND x.created_at > p_now - v_spans[i]) AS h
                 WHERE h.gone >= v_spent[i] + p_amount - p_limits[i]
                 ORDER BY h.gone LIMIT 1);
        END IF;
    END LOOP;
    day_spent := v_spent[1];
    week_spent := v_spent[2];
    month_spent := v_spent[3];
    day_frees_at := v_frees[1];
    week_frees_at := v_frees[2];
    month_frees_at := v_frees[3];
END
$$;
