-- Lock the wallets of (owner, currency) pairs, in the order of their ids.
CREATE OR REPLACE FUNCTION escrow_lock_wallets(p_owner uuid[], p_currency text[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM 1 FROM escrow_wallet x
      WHERE (x.owner_id, x.currency) IN (SELECT t.o, t.c FROM unnest(p_owner, p_currency) AS t(o, c))
      ORDER BY x.id FOR NO KEY UPDATE;
END
$$;

-- Lock holds, in the order of their ids, then the wallets of their payers and payees, in the order of theirs.
CREATE OR REPLACE FUNCTION escrow_lock_holds(p_hold uuid[]) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM 1 FROM escrow_hold x WHERE x.id = ANY (p_hold) ORDER BY x.id FOR NO KEY UPDATE;
    PERFORM 1 FROM escrow_wallet x
      WHERE x.id IN (SELECT y.id FROM escrow_hold z JOIN escrow_wallet y
                         ON y.currency = z.currency AND y.owner_id IN (z.payer_id, z.payee_id)
                      WHERE z.id = ANY (p_hold))
      ORDER BY x.id FOR NO KEY UPDATE;
END
$$;

-- Lock holds, in the order of their ids, and return them. With p_lift also remove the expiry of those that are open and
-- not expired: from intake on, the queue alone closes a hold.
CREATE OR REPLACE FUNCTION escrow_claim(p_hold uuid[], p_lift boolean) RETURNS SETOF escrow_hold
LANGUAGE plpgsql SET escrow.writing = 'on' AS $$
BEGIN
    PERFORM 1 FROM escrow_hold x WHERE x.id = ANY (p_hold) ORDER BY x.id FOR NO KEY UPDATE;
    IF p_lift THEN
        UPDATE escrow_hold x SET expires_at = NULL
         WHERE x.id = ANY (p_hold) AND x.status = 'HELD' AND x.expires_at > core_now();
    END IF;
    RETURN QUERY SELECT * FROM escrow_hold x WHERE x.id = ANY (p_hold);
END
$$;
