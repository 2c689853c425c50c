"""A hundred thousand wallets with money, performers who are paid, and holds that wait to be settled.

Ids end in a number of twelve digits, so that pgbench can write them as the driver does: as text. People and items are
rows of our own; every token moves through the ledger's functions.
"""

from typing import Any
from uuid import UUID

import psycopg

PAYERS = 100_000
PERFORMERS = 100
FIRST_PERFORMER = 1_000_001
FEE_BPS = 1_000
START = 10_000_000
PRICE = 10
BATCH = 1_000
FIRST_NUMBER = 10**11
PERSON, HOLD = "00000000-0000-7000-8000-", "00000001-0000-7000-8000-"


def person(number: int) -> UUID:
    """The id of a payer (1 to `PAYERS`) or performer (from `FIRST_PERFORMER`)."""
    return UUID(f"{PERSON}{FIRST_NUMBER + number}")


def _id(kind: str, number: str) -> str:
    """SQL: the id of a numbered row."""
    return f"('{kind}' || ({number}) + {FIRST_NUMBER})::uuid"


PEOPLE = f"""
INSERT INTO accounts_user (id, password, is_superuser, username, email, role, verified_at, terms_version, is_active)
SELECT {_id(PERSON, "n")}, '!', false, %(role)s || n, '', %(role)s, now(), 1, true
  FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
"""
WALLETS = """
INSERT INTO escrow_wallet (id, owner_id, currency, available, held, earned, owed, version, status)
SELECT uuidv7(), u.id, 'TOKEN', 0, 0, 0, 0, 0, 'active' FROM accounts_user u WHERE u.role IN ('user', 'performer')
"""
MONEY = f"""
SELECT count(c.code) FROM (
    SELECT array_agg(uuidv7()) AS operations, array_agg('bench' || x) AS keys, count(*)::integer AS n,
           array_agg({_id(PERSON, "x")}) AS owners
      FROM generate_series(%(first)s::integer, %(last)s::integer) AS x) a
 CROSS JOIN LATERAL escrow_credit(
    p_operation => a.operations, p_scope => array_fill('deposit'::text, ARRAY[n]), p_key => a.keys,
    p_fingerprint => array_fill(''::bytea, ARRAY[n]), p_kind => array_fill('deposit'::text, ARRAY[n]),
    p_owner => a.owners, p_house => array_fill('mint'::text, ARRAY[n]),
    p_currency => array_fill('TOKEN'::text, ARRAY[n]), p_amount => array_fill(%(amount)s::bigint, ARRAY[n]),
    p_hold => array_fill(NULL::uuid, ARRAY[n]), p_actor => array_fill(NULL::uuid, ARRAY[n]),
    p_reason => array_fill(''::text, ARRAY[n]), p_meta => array_fill('{{}}'::jsonb, ARRAY[n])) c
"""
HOLDS = f"""
WITH request AS MATERIALIZED (
    SELECT uuidv7() AS operation, {_id(HOLD, "n")} AS hold, {_id(PERSON, "n %% %(payers)s + 1")} AS payer,
           {_id(PERSON, "%(performer)s + n %% %(performers)s")} AS payee
      FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
), opened AS (
    SELECT o.hold, o.code FROM (
        SELECT array_agg(operation) AS operations, array_agg(hold) AS holds, array_agg(hold::text) AS keys,
               array_agg(payer) AS payers, array_agg(payee) AS payees, count(*)::integer AS n FROM request) a
     CROSS JOIN LATERAL escrow_hold(
        p_operation => a.operations, p_scope => array_fill('bench'::text, ARRAY[n]), p_key => a.keys,
        p_fingerprint => array_fill(''::bytea, ARRAY[n]), p_hold => a.holds, p_payer => a.payers, p_payee => a.payees,
        p_house => array_fill(NULL::text, ARRAY[n]), p_currency => array_fill('TOKEN'::text, ARRAY[n]),
        p_amount => array_fill(%(price)s::bigint, ARRAY[n]), p_feature => array_fill('bench'::text, ARRAY[n]),
        p_source => array_fill(''::text, ARRAY[n]), p_expires_s => array_fill(NULL::integer, ARRAY[n]),
        p_actor => array_fill(NULL::uuid, ARRAY[n]), p_reason => array_fill(''::text, ARRAY[n]),
        p_meta => array_fill('{{}}'::jsonb, ARRAY[n])) o
)
INSERT INTO perfqueue_queueitem (id, performer_id, user_id, hold_id, tokens, currency, title, description, fulfilment,
    source_feature, idempotency_key, source_event_id, metadata, award, fee_bps, state, created_at, started_at, ended_at,
    settle_tokens, refund_tokens, cause, reason, third_noticed, next_noticed)
SELECT uuidv7(), a.payee, a.payer, a.hold, %(price)s, 'TOKEN', 'A song', '', 'instant', 'bench', a.hold::text, '',
       '{{}}', 0, %(fee_bps)s, 'finished', now(), now(), now(), %(price)s, 0, '', '', false, false
  FROM request a JOIN opened o ON o.hold = a.hold WHERE o.code IS NULL
"""
TWINS = """
CREATE TABLE bench_wallet (LIKE escrow_wallet INCLUDING ALL);
CREATE TABLE bench_hold (LIKE escrow_hold INCLUDING ALL);
CREATE TABLE bench_operation (LIKE escrow_operation INCLUDING ALL);
CREATE TABLE bench_entry (LIKE escrow_entry INCLUDING ALL);
INSERT INTO bench_wallet SELECT * FROM escrow_wallet;
"""
REST = f"""
SELECT count(*) FROM (
    SELECT array_agg(uuidv7()) AS operations, array_agg(h.id::text) AS keys, array_agg(h.id) AS holds,
           count(*)::integer AS n
      FROM escrow_hold h
     WHERE h.id BETWEEN {_id(HOLD, "%(first)s")} AND {_id(HOLD, "%(last)s")} AND h.status = 'HELD'
    HAVING count(*) > 0) a
 CROSS JOIN LATERAL escrow_close(
    p_operation => a.operations, p_scope => array_fill('close'::text, ARRAY[n]), p_key => a.keys,
    p_fingerprint => array_fill(''::bytea, ARRAY[n]), p_hold => a.holds,
    p_settle => array_fill(%(price)s::bigint, ARRAY[n]), p_refund => array_fill(0::bigint, ARRAY[n]),
    p_fee_bps => array_fill(%(fee_bps)s, ARRAY[n]), p_expired => array_fill(false, ARRAY[n]),
    p_actor => array_fill(NULL::uuid, ARRAY[n]), p_reason => array_fill(''::text, ARRAY[n]),
    p_meta => array_fill('{{}}'::jsonb, ARRAY[n])) c
 WHERE c.code IS NULL
"""


def open_books(connection: psycopg.Connection[Any], *, waiting: int) -> None:
    """Create the users, give each payer `START` tokens, open `waiting` holds, each with a finished item.

    The yardstick of the Python service gets tables of its own.
    """
    last = FIRST_PERFORMER + PERFORMERS - 1
    connection.execute(PEOPLE, {"role": "user", "first": 1, "last": PAYERS})
    connection.execute(PEOPLE, {"role": "performer", "first": FIRST_PERFORMER, "last": last})
    connection.execute(WALLETS)
    for first in range(1, PAYERS, BATCH):
        connection.execute(MONEY, {"first": first, "last": first + BATCH - 1, "amount": START})
    facts = {
        "payers": PAYERS, "performer": FIRST_PERFORMER, "performers": PERFORMERS, "price": PRICE, "fee_bps": FEE_BPS,
    }  # fmt: skip
    for first in range(0, waiting, BATCH):
        connection.execute(HOLDS, facts | {"first": first, "last": first + BATCH - 1})
    connection.execute(TWINS)
    connection.execute("VACUUM ANALYZE")


def close_books(connection: psycopg.Connection[Any], *, waiting: int) -> None:
    """Settle the remaining holds, so that the verifier finds every finished item paid."""
    for first in range(0, waiting, BATCH):
        connection.execute(
            REST.encode(), {"first": first, "last": first + BATCH - 1, "price": PRICE, "fee_bps": FEE_BPS}
        )


def written(connection: psycopg.Connection[Any]) -> int:
    """How many operations the ledger holds."""
    row = connection.execute("SELECT count(*) FROM escrow_operation").fetchone()
    return int(row[0]) if row else 0
