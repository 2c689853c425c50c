-- Guards of the records around the ledger. None of them is ever deleted; every refusal is SQLSTATE 23000.
CREATE OR REPLACE TRIGGER escrow_payout_kept BEFORE DELETE OR TRUNCATE ON escrow_payout
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_approval_kept BEFORE DELETE OR TRUNCATE ON escrow_approval
    FOR EACH STATEMENT EXECUTE FUNCTION core_append_only();
CREATE OR REPLACE TRIGGER escrow_order_kept BEFORE DELETE OR TRUNCATE ON escrow_order
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

-- Trigger function: an order is charged back at most once and keeps its terms.
CREATE OR REPLACE FUNCTION escrow_order_guard() RETURNS trigger
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
CREATE OR REPLACE TRIGGER escrow_order_guard BEFORE UPDATE ON escrow_order
    FOR EACH ROW EXECUTE FUNCTION escrow_order_guard();

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
