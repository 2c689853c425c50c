-- Hashes and sealed seeds have their full length.
ALTER TABLE slots_slotstate
    DROP CONSTRAINT IF EXISTS slots_state_bytes_have_their_length,
    ADD CONSTRAINT slots_state_bytes_have_their_length
    CHECK (octet_length(commitment) = 32 AND octet_length(chain) = 32 AND octet_length(sealed_seed) = 60);

-- Spins are never changed or deleted. Each partition has this trigger too (slots_make_partitions).
CREATE OR REPLACE TRIGGER slots_spin_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON slots_spin
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Return how many spins a user had after p_since, and when the first of them was; p_most at most. p_next is the next
-- nonce of the user. Only ids from p_from_id on are read, which leaves out old partitions.
-- Nonces have no gaps and times rise with them (both are given under the state's lock), so a binary search over the
-- nonces finds the first spin; nothing is scanned. It reads by unique keys whatever the values: a generic plan.
CREATE OR REPLACE FUNCTION slots_used(
    p_user_id uuid, p_next bigint, p_most bigint, p_since timestamptz, p_from_id uuid,
    OUT used bigint, OUT oldest_at timestamptz
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_low bigint := greatest(p_next - p_most, 0);
    v_high bigint := p_next;
    v_middle bigint;
    v_at timestamptz;
BEGIN
    WHILE v_low < v_high LOOP
        v_middle := (v_low + v_high) / 2;
        SELECT p.at INTO v_at FROM slots_spin p
            WHERE p.user_id = p_user_id AND p.nonce = v_middle AND p.at > p_since AND p.id >= p_from_id;
        IF FOUND THEN
            v_high := v_middle;
            oldest_at := v_at;
        ELSE
            v_low := v_middle + 1;
        END IF;
    END LOOP;
    used := p_next - v_low;
END
$$;

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
               SELECT 1 FROM accounts_user u WHERE u.id = a.performer_id AND u.role = 'performer'),
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

-- Phase 3 of a list of spins: write the spins and update their users' states. Each element of p_spun is a row of
-- slots_spin plus the columns of the state alone. The caller holds the states' locks since slots_load(); a state whose
-- nonce is not that of its spin is a defect (23000).
CREATE OR REPLACE FUNCTION slots_store(p_spun jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_moved integer;
BEGIN
    -- Write the spins, then the states that are still where their spins found them.
    INSERT INTO slots_spin SELECT * FROM jsonb_populate_recordset(NULL::slots_spin, p_spun);
    UPDATE slots_slotstate s
    SET nonce = n.nonce + 1, commitment = n.next_commitment, sealed_seed = n.sealed_seed,
        client_seed = n.client_seed, chain = n.chain, paytable_id = n.paytable_id,
        staked_total = n.staked_total, paid_total = n.paid_total, last_spin_at = n.at,
        session_started_at = n.session_started_at, session_net = n.session_net, reality_at = n.reality_at
    FROM jsonb_to_recordset(p_spun) AS n (
        user_id uuid, nonce bigint, at timestamptz, next_commitment bytea, sealed_seed bytea, client_seed text,
        chain bytea, paytable_id uuid, staked_total bigint, paid_total bigint, session_started_at timestamptz,
        session_net bigint, reality_at timestamptz)
    WHERE s.user_id = n.user_id AND s.nonce = n.nonce;
    GET DIAGNOSTICS v_moved = ROW_COUNT;

    -- Refuse the whole list if a state was not.
    IF v_moved <> jsonb_array_length(p_spun) THEN
        RAISE EXCEPTION 'a slot state is not where its spin found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;
