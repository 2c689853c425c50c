-- Every spin, once and for ever. Partitioned by id: UUIDv7 starts with the time, so a month of ids is a range and the
-- primary key may be the id alone. Nothing has a foreign key to a spin, and a spin has none: spins are kept for years,
-- and sharing one paytable row's lock among all players would make it hot.
CREATE TABLE slots_spin (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    nonce bigint NOT NULL CHECK (nonce >= 0),
    at timestamptz NOT NULL,
    bet bigint NOT NULL CHECK (bet > 0),
    payout bigint NOT NULL CHECK (payout >= 0),
    ticket bigint NOT NULL CHECK (ticket >= 0),
    symbols text[] NOT NULL CHECK (cardinality(symbols) = 3),
    paytable_id uuid NOT NULL,
    paytable_digest bytea NOT NULL CHECK (octet_length(paytable_digest) = 32),
    seed bytea NOT NULL CHECK (octet_length(seed) = 32),
    next_commitment bytea NOT NULL CHECK (octet_length(next_commitment) = 32),
    client_seed text NOT NULL CHECK (octet_length(client_seed) <= 64),
    client_nonce bytea NOT NULL CHECK (octet_length(client_nonce) = 16),
    client_nonce_drawn boolean NOT NULL,
    performer_id uuid,
    hold_id uuid NOT NULL,
    item_id uuid NOT NULL,
    balance_before bigint NOT NULL,
    balance_after bigint NOT NULL,
    staked_total bigint NOT NULL CHECK (staked_total >= bet),
    paid_total bigint NOT NULL CHECK (paid_total >= payout),
    chain bytea NOT NULL CHECK (octet_length(chain) = 32)
) PARTITION BY RANGE (id);

CREATE TRIGGER slots_spin_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_spin
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- The smallest UUIDv7 of a moment: its 48-bit millisecond, then zeros.
CREATE FUNCTION slots_id_floor(p_moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM p_moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- The moment a UUIDv7 was made, to the millisecond.
CREATE FUNCTION slots_id_moment(p_id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT to_timestamp(('x' || lpad(left(replace(p_id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0)
$$;

-- Make the partition of the month of each id's moment and of the months after it, p_months in all; what exists stays.
-- The ids' own clock decides (p_now_id is a fresh id): the business clock of a test may stand elsewhere.
-- Attached, not created in place: ATTACH lets running spins go on. Returns how many were made.
CREATE FUNCTION slots_make_partitions(p_now_id uuid, p_months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_first timestamp := date_trunc('month', slots_id_moment(p_now_id) AT TIME ZONE 'UTC');
    v_start timestamp;
    v_name text;
    v_made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('slots_make_partitions'));
    FOR v_ahead IN 0 .. p_months - 1 LOOP
        v_start := v_first + make_interval(months => v_ahead);
        v_name := 'slots_spin_' || to_char(v_start, 'YYYYMM');
        CONTINUE WHEN to_regclass(v_name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE slots_spin INCLUDING CONSTRAINTS)', v_name);
        EXECUTE format('CREATE UNIQUE INDEX %I ON %I (user_id, nonce)', v_name || '_nonce_once', v_name);
        EXECUTE format(
            'CREATE TRIGGER slots_spin_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION core_append_only()', v_name);
        EXECUTE format(
            'ALTER TABLE slots_spin ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', v_name,
            slots_id_floor(v_start AT TIME ZONE 'UTC'),
            slots_id_floor((v_start + interval '1 month') AT TIME ZONE 'UTC'));
        v_made := v_made + 1;
    END LOOP;
    RETURN v_made;
END
$$;
