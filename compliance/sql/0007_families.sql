DROP FUNCTION compliance_load(uuid[], text[], text, bigint[]);

-- Return what the gates check of each user and their region, in the order given: the account, its breaks in force, its age,
-- the policy of the region, the current version of the terms and the user's own limits in p_currency. A user who does not
-- exist is a row of nulls. Call it after the locks of the command: its snapshot is that of the statement.
CREATE OR REPLACE FUNCTION compliance_load(p_user_ids uuid[], p_regions text[], p_currency text, p_amounts bigint[])
RETURNS TABLE (
    id uuid, role text, verified_at timestamptz, terms_version integer, is_active boolean, must_change_password boolean,
    password text, sign_in_epoch integer, ended_families text[],
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
           upper(md5(u.password)), u.sign_in_epoch, u.ended_families::text[],
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
