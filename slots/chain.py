"""The hash chain over a user's spins: changing, dropping or inserting a spin breaks every later link.

Pure. A link is SHA-256 of the link before it and the spin's record as canonical JSON; the first link follows
a hash of the user's id.
"""

import hashlib
from collections.abc import Mapping
from uuid import UUID

import orjson

_GENESIS = b"slots/chain/v1\x00"

# What a link covers. Stored links were made with this list: a column added later must not be added here.
FIELDS = (
    "id",
    "user_id",
    "nonce",
    "at",
    "bet",
    "payout",
    "ticket",
    "symbols",
    "paytable_id",
    "paytable_digest",
    "seed",
    "next_commitment",
    "client_seed",
    "client_nonce",
    "client_nonce_drawn",
    "performer_id",
    "hold_id",
    "item_id",
    "balance_before",
    "balance_after",
    "staked_total",
    "paid_total",
)

Record = Mapping[str, str | int | bool | list[str] | UUID | None]


def genesis(user_id: UUID) -> bytes:
    """Return the start of a user's chain, before the first spin."""
    return hashlib.sha256(_GENESIS + user_id.bytes).digest()


def link(head: bytes, record: Record) -> bytes:
    """Return the head of the chain after a spin's record."""
    return hashlib.sha256(head + orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).digest()
