-- Chains of reversals. An operation is reversed at most once, by a unique index; what reverses it may be reversed in turn.
-- Only deposits have longer chains: deposit, chargeback, its reversal, the next chargeback, and so on.

-- The last operation of the chain that begins with an operation (itself, if nothing reversed it), and whether the
-- operation stands, that is, may be reversed: nothing reversed it, or it is a deposit and the last chargeback of it was
-- undone. NULL for an unknown operation.
CREATE OR REPLACE FUNCTION escrow_latest(p_operation uuid, OUT operation uuid, OUT kind text, OUT stands boolean)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain AS (
        SELECT o.id, o.kind, o.kind AS first_kind, 0 AS steps FROM escrow_operation o WHERE o.id = p_operation
         UNION ALL
        SELECT o.id, o.kind, c.first_kind, c.steps + 1 FROM chain c JOIN escrow_operation o ON o.reverses_id = c.id
    )
    SELECT c.id, c.kind, c.steps = 0 OR c.first_kind = 'deposit' AND c.steps % 2 = 0
      FROM chain c ORDER BY c.steps DESC LIMIT 1
$$;

-- The first operation of the chain that an operation is part of.
CREATE OR REPLACE FUNCTION escrow_origin(p_operation uuid) RETURNS uuid
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain AS (
        SELECT o.id, o.reverses_id FROM escrow_operation o WHERE o.id = p_operation
         UNION ALL
        SELECT o.id, o.reverses_id FROM chain c JOIN escrow_operation o ON o.id = c.reverses_id
    )
    SELECT c.id FROM chain c WHERE c.reverses_id IS NULL
$$;

-- Whether what an operation moved are points that another system keeps: it, or its hold, was paid through
-- loyalty_clearing. Such a hold has the key of the deposit before it (escrow_instant_cleared).
CREATE OR REPLACE FUNCTION escrow_kept_elsewhere(p_operation uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM escrow_entry e WHERE e.operation_id = p_operation AND e.house = 'loyalty_clearing'
         UNION ALL
        SELECT FROM escrow_operation o
          JOIN escrow_operation h ON h.hold_id = o.hold_id AND h.kind = 'hold'
          JOIN escrow_operation d ON d.scope = 'deposit' AND d.key = h.key
          JOIN escrow_entry e ON e.operation_id = d.id AND e.house = 'loyalty_clearing'
         WHERE o.id = p_operation)
$$;

-- Whether an order says what its operations say: it is charged back exactly while a chargeback is the last operation of
-- its deposit's chain, and names that one.
CREATE OR REPLACE FUNCTION escrow_agrees(p_deposit uuid, p_status text, p_chargeback uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN l.kind = 'chargeback' THEN p_status = 'charged_back' AND p_chargeback = l.operation
                ELSE p_status = 'paid' AND p_chargeback IS NULL END
      FROM escrow_latest(p_deposit) l
$$;

-- The write-offs of a wallet that nothing reversed and that are later than its entry p_version.
CREATE OR REPLACE FUNCTION escrow_write_offs_after(p_wallet uuid, p_version bigint)
RETURNS TABLE (operation uuid, version bigint, amount bigint)
LANGUAGE sql STABLE AS $$
    SELECT o.id, e.version, -e.d_owed FROM escrow_entry e JOIN escrow_operation o ON o.id = e.operation_id
     WHERE e.wallet_id = p_wallet AND e.version > p_version AND o.kind = 'write_off'
       AND NOT EXISTS (SELECT FROM escrow_operation x WHERE x.reverses_id = o.id)
$$;

-- A new UUIDv7 of the same millisecond as another one: its first 8 bytes, and 8 random ones.
CREATE OR REPLACE FUNCTION escrow_sibling(p_id uuid) RETURNS uuid
LANGUAGE sql VOLATILE AS $$
    SELECT encode(substring(uuid_send(p_id) FOR 8) || substring(uuid_send(gen_random_uuid()) FROM 9), 'hex')::uuid
$$;
