-- Everything that moves money besides holds and credits: reverse, chargeback, write-off, payouts, repair.
-- The manners of 0003: arrays, locks in id order first, a code per element, a refused element writes nothing.

-- True if one of the ledger's own functions is on the call stack: its signature, before any quoted statement. The words
-- around it are in the server's language (lc_messages), so none of them is asked for.
CREATE OR REPLACE FUNCTION escrow_inside() RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    RETURN stack ~ ('(?n)^[^"]*\mescrow_(hold|close|credit|claim|reverse|chargeback|write_off|payout|decide_payout'
                    '|repair)\(');
END
$$;

CREATE TRIGGER escrow_payout_writer BEFORE INSERT OR UPDATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();
CREATE TRIGGER escrow_payout_kept BEFORE DELETE OR TRUNCATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_approval_kept BEFORE DELETE OR TRUNCATE ON escrow_approval
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_order_kept BEFORE DELETE OR TRUNCATE ON escrow_order
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_package_kept BEFORE DELETE OR TRUNCATE ON escrow_tokenpackage
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_finding_kept BEFORE DELETE OR TRUNCATE ON escrow_finding
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_freeze_kept BEFORE DELETE OR TRUNCATE ON escrow_freeze
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_payment_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_paymentevent
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE TRIGGER escrow_verification_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_verification
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- A payout is asked for once and decided once; its terms stay.
CREATE FUNCTION escrow_payout_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'requested' THEN
            RAISE EXCEPTION 'a payout begins as requested' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'requested' THEN
        RAISE EXCEPTION 'payout % is decided', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.performer_id, NEW.amount, NEW.operation_id, NEW.requested_at)
        <> (OLD.id, OLD.performer_id, OLD.amount, OLD.operation_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'a payout keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_payout_guard BEFORE INSERT OR UPDATE ON escrow_payout
    FOR EACH ROW EXECUTE FUNCTION escrow_payout_guard();

-- What was asked for is what is approved, once.
CREATE FUNCTION escrow_approval_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'an approval begins open' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'open' THEN
        RAISE EXCEPTION 'approval % is closed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.kind, NEW.user_id, NEW.currency, NEW.amount, NEW.reason, NEW.requested_by_id, NEW.requested_at)
        <> (OLD.id, OLD.kind, OLD.user_id, OLD.currency, OLD.amount, OLD.reason, OLD.requested_by_id, OLD.requested_at)
        OR NEW.reverses_id IS DISTINCT FROM OLD.reverses_id OR NEW.payout_id IS DISTINCT FROM OLD.payout_id THEN
        RAISE EXCEPTION 'an approval keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_approval_guard BEFORE INSERT OR UPDATE ON escrow_approval
    FOR EACH ROW EXECUTE FUNCTION escrow_approval_guard();

-- An order is charged back at most once; what was bought stays what it was.
CREATE FUNCTION escrow_order_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'paid' THEN
        RAISE EXCEPTION 'order % is charged back', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.reference, NEW.user_id, NEW.package_id, NEW.tokens, NEW.deposit_id, NEW.paid_at)
        <> (OLD.id, OLD.reference, OLD.user_id, OLD.package_id, OLD.tokens, OLD.deposit_id, OLD.paid_at) THEN
        RAISE EXCEPTION 'an order keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_order_guard BEFORE UPDATE ON escrow_order
    FOR EACH ROW EXECUTE FUNCTION escrow_order_guard();

-- A package keeps its tokens and its price: a payment under way was begun for those.
CREATE FUNCTION escrow_package_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.tokens, NEW.price_minor, NEW.price_currency, NEW.created_at)
        <> (OLD.id, OLD.tokens, OLD.price_minor, OLD.price_currency, OLD.created_at) THEN
        RAISE EXCEPTION 'a package keeps its tokens and price' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER escrow_package_guard BEFORE UPDATE ON escrow_tokenpackage
    FOR EACH ROW EXECUTE FUNCTION escrow_package_guard();

-- What is known of a key: no row if it is unused; the first operation's id if it is a replay; else a code.
CREATE FUNCTION escrow_known(p_scope text, p_key text, p_fingerprint bytea)
RETURNS TABLE (operation uuid, code text)
LANGUAGE sql STABLE AS $$
    SELECT o.id, CASE WHEN o.fingerprint <> p_fingerprint THEN 'IDEMPOTENCY_KEY_REUSED' END
      FROM escrow_operation o WHERE o.scope = p_scope AND o.key = p_key
$$;

-- Write one operation's movement between a wallet and a house account (none: the deltas cancel out): the wallet's next
-- version and both entries. The caller holds the wallet's lock. Of use to the functions below only: the guards ask who
-- is on the call stack, and this name is not among them.
CREATE FUNCTION escrow_book(
    p_operation uuid, p_wallet uuid, p_available bigint, p_earned bigint, p_owed bigint, p_house text,
    p_moment timestamptz
) RETURNS escrow_wallet
LANGUAGE plpgsql AS $$
DECLARE
    w escrow_wallet;
BEGIN
    UPDATE escrow_wallet x SET available = x.available + p_available, earned = x.earned + p_earned,
                               owed = x.owed + p_owed, version = x.version + 1
     WHERE x.id = p_wallet RETURNING x.* INTO w;
    INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_earned, d_owed,
                              available_after, held_after, earned_after, owed_after, at)
    VALUES (p_operation, 1, w.id, NULL, w.currency, w.version, p_available, p_earned, p_owed,
            w.available, w.held, w.earned, w.owed, p_moment),
           (p_operation, 2, NULL, p_house, w.currency, NULL, p_owed - p_available - p_earned, 0, 0,
            NULL, NULL, NULL, NULL, p_moment);
    RETURN w;
END
$$;

-- Undo an operation by its opposite, once for ever: what each wallet gained it gives, what it lost it gets (a debt
-- first). What a hold gave away comes back as `available`. Locks the wallets of the operations.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, INVALID_TRANSITION (a kind that is not undone, or undone already),
-- INSUFFICIENT_BALANCE (a wallet no longer has what it gained: nothing is taken).
CREATE FUNCTION escrow_reverse(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_reverses uuid[], p_actor uuid[],
    p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid)
LANGUAGE plpgsql AS $$
DECLARE
    o escrow_operation;
    w escrow_wallet;
    e escrow_entry;
    moment timestamptz;
    places uuid[]; gives bigint[]; earns bigint[]; owes bigint[];
    a bigint; g bigint; d bigint; pays bigint;
BEGIN
    PERFORM 1 FROM escrow_wallet x
      WHERE x.id IN (SELECT y.wallet_id FROM escrow_entry y WHERE y.operation_id = ANY (p_reverses))
      ORDER BY x.id FOR NO KEY UPDATE;
    moment := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i];
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];
        SELECT * INTO o FROM escrow_operation x WHERE x.id = p_reverses[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';
        ELSIF o.kind NOT IN ('deposit', 'award', 'settle', 'split', 'chargeback', 'write_off')
            OR EXISTS (SELECT 1 FROM escrow_operation x WHERE x.reverses_id = o.id) THEN
            code := 'INVALID_TRANSITION';
        END IF;
        places := '{}'; gives := '{}'; earns := '{}'; owes := '{}';
        FOR e IN SELECT * FROM escrow_entry x WHERE x.operation_id = o.id AND x.wallet_id IS NOT NULL ORDER BY x.line LOOP
            SELECT * INTO w FROM escrow_wallet x WHERE x.id = e.wallet_id;
            a := -e.d_available - e.d_held; g := -e.d_earned; d := -e.d_owed;
            IF w.owed + d < 0 THEN  -- the debt was paid meanwhile: what paid it goes back
                a := a - (w.owed + d); d := -w.owed;
            END IF;
            pays := least(w.owed + d, greatest(a, 0));
            a := a - pays; d := d - pays;
            pays := least(w.owed + d, greatest(g, 0));
            g := g - pays; d := d - pays;
            IF w.available + a < 0 OR w.earned + g < 0 THEN
                code := coalesce(code, 'INSUFFICIENT_BALANCE');
            END IF;
            places := places || w.id; gives := gives || a; earns := earns || g; owes := owes || d;
        END LOOP;
        IF code IS NOT NULL THEN
            RETURN NEXT; CONTINUE;
        END IF;
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id, reverses_id, actor, reason, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'reverse', o.hold_id, o.id, p_actor[i],
                p_reason[i], moment)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- somebody else's operation, of other wallets, took the key while we waited for it
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        WITH moved AS (
            UPDATE escrow_wallet x SET available = x.available + t.a, earned = x.earned + t.g, owed = x.owed + t.d,
                                       version = x.version + 1
              FROM unnest(places, gives, earns, owes) WITH ORDINALITY AS t(id, a, g, d, n)
             WHERE x.id = t.id RETURNING x.*, t.a, t.g, t.d, t.n
        )
        INSERT INTO escrow_entry (operation_id, line, wallet_id, house, currency, version, d_available, d_earned,
                                  d_owed, available_after, held_after, earned_after, owed_after, at)
        SELECT p_operation[i], m.n, m.id, NULL, m.currency, m.version, m.a, m.g, m.d,
               m.available, m.held, m.earned, m.owed, moment FROM moved m
        UNION ALL
        SELECT p_operation[i], 100 + x.line, NULL, x.house, x.currency, NULL, -x.d_available, 0, 0,
               NULL, NULL, NULL, NULL, moment
          FROM escrow_entry x WHERE x.operation_id = o.id AND x.house IS NOT NULL;
        RETURN NEXT;
    END LOOP;
END
$$;

-- The payment of a deposit was taken back outside: take what is `available`, then what is `earned`, and book the rest
-- as `owed`, to the house account that paid the deposit. Also from a frozen wallet. Locks the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, INVALID_TRANSITION (no deposit, or taken back already).
CREATE FUNCTION escrow_chargeback(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_reverses uuid[], p_actor uuid[],
    p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, taken bigint, owed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    o escrow_operation;
    w escrow_wallet;
    source escrow_entry;
    moment timestamptz;
    amount bigint; a bigint; g bigint;
BEGIN
    PERFORM 1 FROM escrow_wallet x
      WHERE x.id IN (SELECT y.wallet_id FROM escrow_entry y WHERE y.operation_id = ANY (p_reverses))
      ORDER BY x.id FOR NO KEY UPDATE;
    moment := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; operation := p_operation[i]; taken := 0; owed := 0;
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT -e.d_available - e.d_earned, e.d_owed INTO taken, owed
                  FROM escrow_entry e WHERE e.operation_id = escrow_chargeback.operation AND e.line = 1;
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];
        SELECT * INTO o FROM escrow_operation x WHERE x.id = p_reverses[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';
        ELSIF o.kind <> 'deposit' OR EXISTS (SELECT 1 FROM escrow_operation x WHERE x.reverses_id = o.id) THEN
            code := 'INVALID_TRANSITION';
        END IF;
        IF code IS NOT NULL THEN
            RETURN NEXT; CONTINUE;
        END IF;
        SELECT * INTO source FROM escrow_entry x WHERE x.operation_id = o.id AND x.house IS NOT NULL;
        SELECT x.* INTO w FROM escrow_wallet x JOIN escrow_entry y ON y.wallet_id = x.id AND y.operation_id = o.id;
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id, actor, reason, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'chargeback', o.id, p_actor[i], p_reason[i],
                moment)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- somebody else's operation, of another wallet, took the key while we waited for it
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        amount := -source.d_available;
        a := least(w.available, amount);
        g := least(w.earned, amount - a);
        taken := a + g; owed := amount - taken;
        PERFORM escrow_book(p_operation[i], w.id, -a, -g, owed, source.house, moment);
        RETURN NEXT;
    END LOOP;
END
$$;

-- Give up a debt: `owed` becomes the house account `losses`. Also on a frozen wallet. Locks the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, INSUFFICIENT_BALANCE (more than is owed).
CREATE FUNCTION escrow_write_off(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_owner uuid[], p_currency text[],
    p_amount bigint[], p_actor uuid[], p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, owed bigint)
LANGUAGE plpgsql AS $$
DECLARE
    w escrow_wallet;
    moment timestamptz;
BEGIN
    PERFORM 1 FROM escrow_wallet x
      WHERE (x.owner_id, x.currency) IN (SELECT t.o, t.c FROM unnest(p_owner, p_currency) AS t(o, c))
      ORDER BY x.id FOR NO KEY UPDATE;
    moment := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; owed := NULL;
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT e.owed_after INTO owed
                  FROM escrow_entry e WHERE e.operation_id = escrow_write_off.operation AND e.line = 1;
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];
        SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p_owner[i] AND x.currency = p_currency[i];
        owed := w.owed;
        code := CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN' WHEN w.owed < p_amount[i] THEN 'INSUFFICIENT_BALANCE' END;
        IF code IS NOT NULL THEN
            RETURN NEXT; CONTINUE;
        END IF;
        IF p_amount[i] < 1 THEN
            RAISE EXCEPTION 'amount % is out of range', p_amount[i] USING ERRCODE = 'check_violation';
        END IF;
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, actor, reason, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'write_off', p_actor[i], p_reason[i], moment)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- somebody else's operation, of another wallet, took the key while we waited for it
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        w := escrow_book(p_operation[i], w.id, 0, 0, -p_amount[i], 'losses', moment);
        owed := w.owed;
        RETURN NEXT;
    END LOOP;
END
$$;

-- A performer asks for `earned` tokens: they move to `payouts` at once. A debt is kept back. Locks the wallets.
-- Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, PAYOUT_TOO_SMALL, INSUFFICIENT_BALANCE.
CREATE FUNCTION escrow_payout(
    p_operation uuid[], p_scope text[], p_key text[], p_fingerprint bytea[], p_payout uuid[], p_owner uuid[],
    p_amount bigint[], p_minimum bigint, p_actor uuid[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, payout uuid, earned bigint)
LANGUAGE plpgsql AS $$
DECLARE
    w escrow_wallet;
    moment timestamptz;
BEGIN
    PERFORM 1 FROM escrow_wallet x
      WHERE x.owner_id = ANY (p_owner) AND x.currency = 'TOKEN' ORDER BY x.id FOR NO KEY UPDATE;
    moment := core_now();
    FOR i IN 1 .. cardinality(p_key) LOOP
        ord := i; code := NULL; replayed := false; payout := p_payout[i]; earned := NULL;
        SELECT k.operation, k.code INTO operation, code FROM escrow_known(p_scope[i], p_key[i], p_fingerprint[i]) k;
        IF FOUND THEN
            replayed := code IS NULL;
            IF replayed THEN
                SELECT y.id, e.earned_after INTO payout, earned
                  FROM escrow_payout y JOIN escrow_entry e ON e.operation_id = y.operation_id AND e.line = 1
                 WHERE y.operation_id = escrow_payout.operation;
            END IF;
            RETURN NEXT; CONTINUE;
        END IF;
        operation := p_operation[i];
        SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p_owner[i] AND x.currency = 'TOKEN';
        earned := w.earned;
        code := CASE WHEN w.id IS NULL THEN 'WALLET_UNKNOWN'
                     WHEN w.status <> 'active' THEN 'WALLET_FROZEN'
                     WHEN p_amount[i] < p_minimum THEN 'PAYOUT_TOO_SMALL'
                     WHEN w.earned - w.owed < p_amount[i] THEN 'INSUFFICIENT_BALANCE' END;
        IF code IS NOT NULL THEN
            RETURN NEXT; CONTINUE;
        END IF;
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, actor, at)
        VALUES (p_operation[i], p_scope[i], p_key[i], p_fingerprint[i], 'payout', p_actor[i], moment)
        ON CONFLICT (scope, key) DO NOTHING;
        IF NOT FOUND THEN  -- somebody else's operation, of another wallet, took the key while we waited for it
            code := 'IDEMPOTENCY_KEY_REUSED';
            RETURN NEXT; CONTINUE;
        END IF;
        w := escrow_book(p_operation[i], w.id, 0, -p_amount[i], 0, 'payouts', moment);
        INSERT INTO escrow_payout (id, performer_id, amount, operation_id, requested_at)
        VALUES (p_payout[i], w.owner_id, p_amount[i], p_operation[i], moment);
        earned := w.earned;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Let a payout go, or move it back to `earned` (a debt first; also to a frozen wallet). A decision is its own key: the
-- same again is a replay. Locks the payouts, then the wallets.
-- Codes: NOT_FOUND, APPROVAL_CLOSED (decided otherwise).
CREATE FUNCTION escrow_decide_payout(
    p_operation uuid[], p_payout uuid[], p_approve boolean[], p_actor uuid[], p_reason text[]
) RETURNS TABLE (ord integer, code text, replayed boolean, operation uuid, payout uuid)
LANGUAGE plpgsql AS $$
DECLARE
    p escrow_payout;
    w escrow_wallet;
    moment timestamptz;
    debt bigint;
BEGIN
    PERFORM 1 FROM escrow_payout x WHERE x.id = ANY (p_payout) ORDER BY x.id FOR NO KEY UPDATE;
    PERFORM 1 FROM escrow_wallet x
      WHERE x.currency = 'TOKEN' AND x.owner_id IN (SELECT y.performer_id FROM escrow_payout y WHERE y.id = ANY (p_payout))
      ORDER BY x.id FOR NO KEY UPDATE;
    moment := core_now();
    FOR i IN 1 .. cardinality(p_payout) LOOP
        ord := i; code := NULL; replayed := false; operation := NULL; payout := p_payout[i];
        SELECT * INTO p FROM escrow_payout x WHERE x.id = p_payout[i];
        IF NOT FOUND THEN
            code := 'NOT_FOUND';
        ELSIF p.status <> 'requested' THEN
            replayed := p.status = CASE WHEN p_approve[i] THEN 'approved' ELSE 'rejected' END
                        AND p.decided_by IS NOT DISTINCT FROM p_actor[i];
            operation := p.rejection_id;
            code := CASE WHEN NOT replayed THEN 'APPROVAL_CLOSED' END;
        ELSIF p_approve[i] THEN
            UPDATE escrow_payout x SET status = 'approved', decided_at = moment, decided_by = p_actor[i],
                                       reason = p_reason[i] WHERE x.id = p.id;
        ELSE
            operation := p_operation[i];
            SELECT * INTO w FROM escrow_wallet x WHERE x.owner_id = p.performer_id AND x.currency = 'TOKEN';
            debt := least(w.owed, p.amount);
            INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, reverses_id, actor, reason, at)
            VALUES (p_operation[i], 'payout_reject', p.id::text, ''::bytea, 'payout_reject', p.operation_id,
                    p_actor[i], p_reason[i], moment);
            PERFORM escrow_book(p_operation[i], w.id, 0, p.amount - debt, -debt, 'payouts', moment);
            UPDATE escrow_payout x SET status = 'rejected', decided_at = moment, decided_by = p_actor[i],
                                       reason = p_reason[i], rejection_id = p_operation[i] WHERE x.id = p.id;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Put wallets whose row was changed from outside back to what their last entry says: an operation without deltas, whose
-- entry carries the true balances on. Its key is the wallet and the version it repairs. A row whose version was changed
-- too is beyond this: restore it from a backup. Locks the wallets.
-- Codes: NOT_FOUND, INVALID_TRANSITION (nothing to repair, or the version does not follow).
CREATE FUNCTION escrow_repair(p_operation uuid[], p_wallet uuid[], p_actor uuid[], p_reason text[])
RETURNS TABLE (ord integer, code text, operation uuid, wallet uuid)
LANGUAGE plpgsql AS $$
DECLARE
    w escrow_wallet;
    e escrow_entry;
    moment timestamptz;
BEGIN
    PERFORM 1 FROM escrow_wallet x WHERE x.id = ANY (p_wallet) ORDER BY x.id FOR NO KEY UPDATE;
    moment := core_now();
    FOR i IN 1 .. cardinality(p_wallet) LOOP
        ord := i; code := NULL; operation := p_operation[i]; wallet := p_wallet[i];
        SELECT * INTO w FROM escrow_wallet x WHERE x.id = p_wallet[i];
        SELECT * INTO e FROM escrow_entry x WHERE x.wallet_id = w.id ORDER BY x.version DESC LIMIT 1;
        code := CASE WHEN w.id IS NULL THEN 'NOT_FOUND'
                     WHEN w.version IS DISTINCT FROM e.version
                          OR (w.available, w.held, w.earned, w.owed)
                             = (e.available_after, e.held_after, e.earned_after, e.owed_after)
                         THEN 'INVALID_TRANSITION' END;
        IF code IS NOT NULL THEN
            RETURN NEXT; CONTINUE;
        END IF;
        INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, actor, reason, at)
        VALUES (p_operation[i], 'repair', format('%s:%s', w.id, w.version), ''::bytea, 'repair', p_actor[i],
                p_reason[i], moment);
        UPDATE escrow_wallet x SET available = e.available_after, held = e.held_after, earned = e.earned_after,
                                   owed = e.owed_after, version = x.version + 1
         WHERE x.id = w.id RETURNING x.* INTO w;
        INSERT INTO escrow_entry (operation_id, line, wallet_id, currency, version, available_after, held_after,
                                  earned_after, owed_after, at)
        VALUES (p_operation[i], 1, w.id, w.currency, w.version, w.available, w.held, w.earned, w.owed, moment);
        RETURN NEXT;
    END LOOP;
END
$$;
