"""A hundred thousand wallets with money, performers who are paid, and holds that wait to be settled.

A person's id is a number written as a UUID, so that pgbench can draw one. People and items are rows of our own;
every token moves through the ledger's functions.
"""

from typing import Any

import psycopg

PAYERS = 100_000
PERFORMERS = 100
FIRST_PERFORMER = 1_000_001
FEE_BPS = 1_000
START = 1_000_000
PRICE = 10
BATCH = 1_000

PEOPLE = """
INSERT INTO accounts_user (id, password, is_superuser, username, email, role, verified_at, terms_version, is_active)
SELECT lpad(to_hex(n), 32, '0')::uuid, '!', false, %(role)s || n, '', %(role)s, now(), 1, true
  FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
"""
WALLETS = """
INSERT INTO escrow_wallet (id, owner_id, currency, available, held, earned, owed, version, status)
SELECT uuidv7(), u.id, 'TOKEN', 0, 0, 0, 0, 0, 'active' FROM accounts_user u WHERE u.role IN ('user', 'performer')
"""
MONEY = """
SELECT count(c.code) FROM (
    SELECT array_agg(uuidv7()) AS operations, array_agg('bench' || x) AS keys, count(*)::integer AS n,
           array_agg(lpad(to_hex(x), 32, '0')::uuid) AS owners
      FROM generate_series(%(first)s::integer, %(last)s::integer) AS x) a
 CROSS JOIN LATERAL escrow_credit(
    a.operations, array_fill('deposit'::text, ARRAY[n]), a.keys, array_fill(''::bytea, ARRAY[n]),
    array_fill('deposit'::text, ARRAY[n]), a.owners, array_fill('mint'::text, ARRAY[n]),
    array_fill('TOKEN'::text, ARRAY[n]), array_fill(%(amount)s::bigint, ARRAY[n]), array_fill(NULL::uuid, ARRAY[n]),
    array_fill(NULL::uuid, ARRAY[n]), array_fill(''::text, ARRAY[n]), array_fill('{}'::jsonb, ARRAY[n])) c
"""
WAITING = "CREATE TABLE bench_waiting (n bigserial PRIMARY KEY, hold uuid NOT NULL)"
NEXT = "CREATE SEQUENCE bench_next"
HOLDS = """
WITH asked AS MATERIALIZED (
    SELECT uuidv7() AS operation, uuidv7() AS hold, lpad(to_hex(n %% %(payers)s + 1), 32, '0')::uuid AS payer,
           lpad(to_hex(%(performer)s + n %% %(performers)s), 32, '0')::uuid AS payee
      FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
), opened AS (
    SELECT o.hold, o.code FROM (
        SELECT array_agg(operation) AS operations, array_agg(hold) AS holds, array_agg(hold::text) AS keys,
               array_agg(payer) AS payers, array_agg(payee) AS payees, count(*)::integer AS n FROM asked) a
     CROSS JOIN LATERAL escrow_hold(
        a.operations, array_fill('bench'::text, ARRAY[n]), a.keys, array_fill(''::bytea, ARRAY[n]), a.holds,
        a.payers, a.payees, array_fill(NULL::text, ARRAY[n]), array_fill('TOKEN'::text, ARRAY[n]),
        array_fill(%(price)s::bigint, ARRAY[n]), array_fill('bench'::text, ARRAY[n]), array_fill(''::text, ARRAY[n]),
        array_fill(NULL::integer, ARRAY[n]), array_fill(NULL::uuid, ARRAY[n]), array_fill(''::text, ARRAY[n]),
        array_fill('{}'::jsonb, ARRAY[n])) o
), waiting AS (
    INSERT INTO bench_waiting (hold) SELECT hold FROM opened WHERE code IS NULL RETURNING hold
)
INSERT INTO perfqueue_queueitem (id, performer_id, user_id, hold_id, tokens, currency, title, description, fulfilment,
    source_feature, idempotency_key, source_event_id, metadata, award, fee_bps, state, created_at, started_at, ended_at,
    settle_tokens, refund_tokens, reason, third_noticed, next_noticed)
SELECT uuidv7(), a.payee, a.payer, a.hold, %(price)s, 'TOKEN', 'A song', '', 'instant', 'bench', a.hold::text, '', '{}',
       0, %(fee_bps)s, 'finished', now(), now(), now(), %(price)s, 0, '', false, false
  FROM asked a JOIN waiting w ON w.hold = a.hold
"""
TWINS = """
CREATE TABLE bench_wallet (LIKE escrow_wallet INCLUDING ALL);
CREATE TABLE bench_hold (LIKE escrow_hold INCLUDING ALL);
CREATE TABLE bench_operation (LIKE escrow_operation INCLUDING ALL);
CREATE TABLE bench_entry (LIKE escrow_entry INCLUDING ALL);
INSERT INTO bench_wallet SELECT * FROM escrow_wallet;
"""
REST = """
SELECT count(*) FROM (
    SELECT array_agg(uuidv7()) AS operations, array_agg(h.id::text) AS keys, array_agg(h.id) AS holds,
           count(*)::integer AS n
      FROM bench_waiting b JOIN escrow_hold h ON h.id = b.hold AND h.status = 'HELD'
     WHERE b.n BETWEEN %(first)s AND %(last)s HAVING count(*) > 0) a
 CROSS JOIN LATERAL escrow_close(
    a.operations, array_fill('close'::text, ARRAY[n]), a.keys, array_fill(''::bytea, ARRAY[n]), a.holds,
    array_fill(%(price)s::bigint, ARRAY[n]), array_fill(0::bigint, ARRAY[n]), array_fill(%(fee_bps)s, ARRAY[n]),
    array_fill(false, ARRAY[n]), array_fill(NULL::uuid, ARRAY[n]), array_fill(''::text, ARRAY[n]),
    array_fill('{}'::jsonb, ARRAY[n])) c
 WHERE c.code IS NULL
"""


def open_books(connection: psycopg.Connection[Any], *, waiting: int) -> None:
    """Make everybody, give each payer `START` tokens, open `waiting` holds with an item that says: settle.

    The yardstick of the Python service gets tables of its own.
    """
    last = FIRST_PERFORMER + PERFORMERS - 1
    connection.execute(PEOPLE, {"role": "user", "first": 1, "last": PAYERS})
    connection.execute(PEOPLE, {"role": "performer", "first": FIRST_PERFORMER, "last": last})
    connection.execute(WALLETS)
    for first in range(1, PAYERS, BATCH):
        connection.execute(MONEY, {"first": first, "last": first + BATCH - 1, "amount": START})
    connection.execute(WAITING)
    connection.execute(NEXT)
    facts = {
        "payers": PAYERS, "performer": FIRST_PERFORMER, "performers": PERFORMERS, "price": PRICE, "fee_bps": FEE_BPS,
    }  # fmt: skip
    for first in range(0, waiting, BATCH):
        connection.execute(HOLDS, facts | {"first": first, "last": first + BATCH - 1})
    connection.execute(TWINS)
    connection.execute("VACUUM ANALYZE")


def close_books(connection: psycopg.Connection[Any]) -> int:
    """Settle what still waits, so that the verifier finds every finished item paid; return how many that were."""
    done, (waiting,) = 0, _one(connection, "SELECT count(*) FROM bench_waiting")
    for first in range(1, waiting + 1, BATCH):
        facts = {"first": first, "last": first + BATCH - 1, "price": PRICE, "fee_bps": FEE_BPS}
        done += _one(connection, REST, facts)[0]
    return done


def _one(connection: psycopg.Connection[Any], sql: str, facts: dict[str, Any] | None = None) -> tuple[int, ...]:
    row = connection.execute(sql.encode(), facts).fetchone()
    return tuple(row) if row else (0,)
