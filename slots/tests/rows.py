"""What a spin writes, in every table, with names in the place of ids, times and randomness."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.models import User
from core.db import rows

RECORDED = Path(__file__).with_name("rows.json")
TABLES = {
    "wallet": "SELECT * FROM escrow_wallet WHERE owner_id = %(user)s AND currency = 'POINT'",
    "hold": "SELECT *, expires_at - created_at AS lives FROM escrow_hold WHERE id = %(hold)s",
    "operations": "SELECT * FROM escrow_operation WHERE hold_id = %(hold)s ORDER BY id",
    "entries": "SELECT e.* FROM escrow_entry e JOIN escrow_operation o ON o.id = e.operation_id"
    " WHERE o.hold_id = %(hold)s ORDER BY e.id",
    "item": "SELECT * FROM perfqueue_queueitem WHERE hold_id = %(hold)s",
    "transitions": "SELECT * FROM perfqueue_transition WHERE item_id = %(item)s ORDER BY id",
    "events": "SELECT * FROM live_event WHERE request_id = %(request)s ORDER BY id",
    "spin": "SELECT * FROM slots_spin WHERE id = %(spin)s",
    "state": "SELECT * FROM slots_slotstate WHERE user_id = %(user)s",
    "key": "SELECT * FROM core_idempotencykey WHERE caller = %(user)s AND key = %(key)s",
}
DRAWN = {"ticket", "symbols", "sealed_seed", "xid"}
LATER = {
    *("window_nonce", "window_at", "session_nonce", "session_staked", "acknowledged_at", "seed_key"),
    *(f"{window}_{part}" for window in ("day", "week", "month") for part in ("nonce", "at", "staked")),
}
"""Columns that were added since the rows were recorded."""
HEX = re.compile(r"\A(\\x)?[0-9a-f]{32,}\Z")


def written(user: User, *, key: str) -> dict[str, Any]:
    """Every row of the user's last spin, which was asked for under `key`."""
    (spin,) = rows("SELECT * FROM slots_spin WHERE user_id = %s ORDER BY nonce DESC LIMIT 1", [user.pk])
    (asked,) = rows("SELECT request_id FROM perfqueue_transition WHERE item_id = %s LIMIT 1", [spin["item_id"]])
    (kept,) = rows("SELECT id FROM core_idempotencykey WHERE caller = %s AND key = %s", [user.pk, key])
    ids = {
        "user": user.pk,
        "hold": spin["hold_id"],
        "item": spin["item_id"],
        "spin": spin["id"],
        "request": asked["request_id"],
        "key": key,
    }
    named = {str(value): name.upper() for name, value in ids.items()} | {
        str(spin["performer_id"] or "no room"): "ROOM",
        str(spin["paytable_id"]): "PAYTABLE",
        str(kept["id"]): "KEPT",
    }
    found = {table: rows(sql, ids) for table, sql in TABLES.items()}
    for place, operation in enumerate(found["operations"]):
        named[str(operation["id"])] = f"OPERATION {place}"
    named |= {str(found["wallet"][0]["id"]): "WALLET"}
    named |= {_fingerprint(*inputs): f"of {label}" for label, inputs in _fingerprints(ids, spin).items()}
    return {
        table: [{name: _plain(name, value, named) for name, value in row.items() if name not in LATER} for row in each]
        for table, each in found.items()
    }


def recorded() -> dict[str, Any]:
    """What each case wrote when hold, intake, close, award and spin were written one after the other."""
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def _fingerprints(ids: dict[str, Any], spin: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    """What the keys of the three operations of a spin stand for."""
    return {
        "the hold": (ids["user"], "slots_bank", "POINT", spin["bet"]),
        "the close": (ids["hold"], spin["bet"], 0, 0, False),
        "the award": (ids["user"], "slots_bank", "POINT", spin["payout"]),
    }


def _fingerprint(*inputs: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, inputs)).encode()).hexdigest()


def _plain(name: str, value: Any, named: dict[str, str]) -> Any:
    """A value with names in the place of what differs from spin to spin."""
    if name in DRAWN or (name == "id" and isinstance(value, int)):
        return f"a {type(value).__name__}"
    if name == "body":
        return json.dumps(_walked(json.loads(bytes(value)), named))  # as text: the members are ordered
    if name in ("variables", "meta", "metadata"):
        return _walked(json.loads(value) if isinstance(value, str) else value, named)
    if isinstance(value, bytes | memoryview):
        text = bytes(value).hex()
        return named.get(text, f"{len(text) // 2} bytes")
    if isinstance(value, UUID | str):
        return _text(str(value), named)
    if value is None or isinstance(value, bool | int | list):
        return value
    return f"a {type(value).__name__}" if name != "lives" else str(value)


def _walked(value: Any, named: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: "drawn" if name == "symbols" else _walked(each, named) for name, each in value.items()}
    return _text(value, named) if isinstance(value, str) else value


def _text(text: str, named: dict[str, str]) -> str:
    if HEX.match(text):
        return f"hex {len(text)}"
    if re.match(r"\d{4}-\d\d-\d\dT[\d:]+(\.\d+)?Z\Z", text):
        return "a time"
    for value, name in named.items():
        text = text.replace(value, name)
    return text if len(text) < 36 or "-" not in text else "a new id"
