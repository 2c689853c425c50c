-- Guards of the records around the ledger. None of them is ever deleted; every refusal is SQLSTATE 23000.
CREATE OR REPLACE TRIGGER escrow_payout_kept BEFORE DELETE OR TRUNCATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_approval_kept BEFORE DELETE OR TRUNCATE ON escrow_approval
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_order_kept BEFORE DELETE OR TRUNCATE ON escrow_order
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_dispute_kept BEFORE DELETE OR TRUNCATE ON escrow_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_package_kept BEFORE DELETE OR TRUNCATE ON escrow_tokenpackage
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_finding_kept BEFORE DELETE OR TRUNCATE ON escrow_finding
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_freeze_kept BEFORE DELETE OR TRUNCATE ON escrow_freeze
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Payment events, runs of the verifier and house snapshots are never changed either.
CREATE OR REPLACE TRIGGER escrow_payment_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_paymentevent
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_verification_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_verification
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_house_snapshot_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow_housesnapshot
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();

-- Trigger function: a payout starts as requested, is decided once and keeps its terms.
CREATE OR REPLACE FUNCTION escrow_payout_guard() RETURNS trigger
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
CREATE OR REPLACE TRIGGER escrow_payout_guard BEFORE INSERT OR UPDATE ON escrow_payout
    FOR EACH ROW EXECUTE FUNCTION escrow_payout_guard();
CREATE OR REPLACE TRIGGER escrow_payout_writer BEFORE INSERT OR UPDATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION escrow_only_inside();

-- Trigger function: an approval starts open, is decided once and keeps its terms.
CREATE OR REPLACE FUNCTION escrow_approval_guard() RETURNS trigger
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
CREATE OR REPLACE TRIGGER escrow_approval_guard BEFORE INSERT OR UPDATE ON escrow_approval
    FOR EACH ROW EXECUTE FUNCTION escrow_approval_guard();

-- Trigger function: an order keeps its terms, says what its operations say (escrow_agrees), and has no lost dispute
-- once it is paid again.
CREATE OR REPLACE FUNCTION escrow_order_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.reference, NEW.user_id, NEW.package_id, NEW.tokens, NEW.deposit_id, NEW.paid_at)
        <> (OLD.id, OLD.reference, OLD.user_id, OLD.package_id, OLD.tokens, OLD.deposit_id, OLD.paid_at) THEN
        RAISE EXCEPTION 'an order keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF escrow_agrees(NEW.deposit_id, NEW.status, NEW.chargeback_id) IS NOT TRUE THEN
        RAISE EXCEPTION 'an order says what its operations say' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status <> 'paid' AND NEW.status = 'paid'
        AND EXISTS (SELECT FROM escrow_dispute x WHERE x.order_id = NEW.id AND x.state = 'lost') THEN
        RAISE EXCEPTION 'a paid order has no lost dispute' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_order_guard BEFORE INSERT OR UPDATE ON escrow_order
    FOR EACH ROW EXECUTE FUNCTION escrow_order_guard();

-- Trigger function: a dispute keeps its terms and is won for ever; it is lost only while the order's deposit does not
-- stand.
CREATE OR REPLACE FUNCTION escrow_dispute_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state = 'won' THEN
            RAISE EXCEPTION 'dispute % is won', OLD.id USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF (NEW.id, NEW.order_id, NEW.reference, NEW.opened_at)
            IS DISTINCT FROM (OLD.id, OLD.order_id, OLD.reference, OLD.opened_at) THEN
            RAISE EXCEPTION 'a dispute keeps its terms' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF NEW.state = 'lost' AND (SELECT l.stands FROM escrow_order x, escrow_latest(x.deposit_id) l
                                WHERE x.id = NEW.order_id) THEN
        RAISE EXCEPTION 'a dispute of a paid order is not lost' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_dispute_guard BEFORE INSERT OR UPDATE ON escrow_dispute
    FOR EACH ROW EXECUTE FUNCTION escrow_dispute_guard();

-- Trigger function: a package keeps its tokens and price; a payment under way was begun for these.
CREATE OR REPLACE FUNCTION escrow_package_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.tokens, NEW.price_minor, NEW.price_currency, NEW.created_at)
        <> (OLD.id, OLD.tokens, OLD.price_minor, OLD.price_currency, OLD.created_at) THEN
        RAISE EXCEPTION 'a package keeps its tokens and price' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER escrow_package_guard BEFORE UPDATE ON escrow_tokenpackage
    FOR EACH ROW EXECUTE FUNCTION escrow_package_guard();
