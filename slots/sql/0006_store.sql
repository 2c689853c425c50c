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
        window_nonce = n.window_nonce, window_at = n.window_at
    FROM unnest(ARRAY(SELECT jsonb_array_elements(p_spun))) AS e (spun)
    CROSS JOIN LATERAL jsonb_to_record(e.spun) AS n (
        user_id uuid, nonce bigint, at timestamptz, next_commitment bytea, sealed_seed bytea, client_seed text,
        chain bytea, paytable_id uuid, staked_total bigint, paid_total bigint, session_started_at timestamptz,
        session_net bigint, reality_at timestamptz, window_nonce bigint, window_at timestamptz)
    WHERE s.user_id = n.user_id AND s.nonce = n.nonce;
    GET DIAGNOSTICS v_moved = ROW_COUNT;

    -- Refuse the whole list if a state was not.
    IF v_moved <> jsonb_array_length(p_spun) THEN
        RAISE EXCEPTION 'a slot state is not where its spin found it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;
