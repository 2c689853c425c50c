DROP FUNCTION compliance_load(uuid[], text[], text);

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

-- Return what the gates check of each user and their region, in the order given: the account, its breaks in force, its age,
-- the policy of the region, the current version of the terms and the user's own limits in p_currency. A user who does not
-- exist is a row of nulls. Call it after the locks of the command: its snapshot is that of the statement.
CREATE OR REPLACE FUNCTION compliance_load(p_user_ids uuid[], p_regions text[], p_currency text, p_amounts bigint[])
RETURNS TABLE (
    id uuid, role text, verified_at timestamptz, terms_version integer, is_active boolean, must_change_password boolean,
    password text, sign_in_epoch integer,
    now timestamptz, date_of_birth date, is_rejected boolean,
    is_excluded boolean, excluded_until timestamptz, timed_out_until timestamptz,
    region text, policy_version integer, slots boolean, wheel boolean, minimum_age integer,
    current_terms integer, day_limit bigint, week_limit bigint, month_limit bigint,
    day_spent bigint, week_spent bigint, month_spent bigint,
    day_frees_at timestamptz, week_frees_at timestamptz, month_frees_at timestamptz
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := core_now();
    v_terms integer := coalesce((SELECT max(t.version) FROM compliance_terms t), 0);
BEGIN
    RETURN QUERY
    SELECT u.id, u.role::text, u.verified_at, u.terms_version, u.is_active, u.must_change_password,
           upper(md5(u.password)), u.sign_in_epoch,
           v_now, u.date_of_birth,
           u.verified_at IS NULL AND EXISTS (
               SELECT 1 FROM compliance_agecase c WHERE c.user_id = u.id AND c.state = 'rejected'),
           coalesce(b.is_excluded, false), b.excluded_until, b.timed_out_until,
           a.region, p.number, p.slots, p.wheel, p.minimum_age::integer,
           v_terms, l.day_limit, l.week_limit, l.month_limit,
           e.day_spent, e.week_spent, e.month_spent, e.day_frees_at, e.week_frees_at, e.month_frees_at
    FROM unnest(p_user_ids, p_regions, p_amounts) WITH ORDINALITY AS a (user_id, region, amount, place)
    LEFT JOIN accounts_user u ON u.id = a.user_id
    LEFT JOIN LATERAL (
        SELECT bool_or(k.kind = 'exclusion') AS is_excluded,
               CASE WHEN bool_and(k.until IS NOT NULL OR k.kind <> 'exclusion')
                   THEN max(k.until) FILTER (WHERE k.kind = 'exclusion') END AS excluded_until,
               max(k.until) FILTER (WHERE k.kind = 'time_out') AS timed_out_until
        FROM compliance_break k WHERE k.user_id = u.id AND (k.until IS NULL OR k.until > v_now)) AS b ON true
    LEFT JOIN LATERAL (
        SELECT v.number, v.slots, v.wheel, v.minimum_age FROM compliance_policyversion v
         WHERE v.region = a.region ORDER BY v.number DESC LIMIT 1) AS p ON true
    LEFT JOIN LATERAL (
        SELECT max(m.amount) FILTER (WHERE m.window = '24h') AS day_limit,
               max(m.amount) FILTER (WHERE m.window = '7d') AS week_limit,
               max(m.amount) FILTER (WHERE m.window = '30d') AS month_limit
        FROM compliance_limit m WHERE m.user_id = u.id AND m.currency = p_currency) AS l ON true
    LEFT JOIN LATERAL compliance_spent(
        p_user_id => u.id, p_currency => p_currency, p_limits => ARRAY[l.day_limit, l.week_limit, l.month_limit],
        p_amount => a.amount, p_now => v_now) AS e ON true
    ORDER BY a.place;
END
$$;
