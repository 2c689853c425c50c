-- Every spin. Partitioned by id: a UUIDv7 starts with its time, so the ids of a month are a range and the primary key can
-- be the id alone. There are no foreign keys to a spin or from one: spins are kept for years, and a lock of one paytable
-- row shared by all players would be contended.
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
