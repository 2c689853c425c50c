"""Members' points: balance, deduct, credit, earn, and the ledger of all of them."""

from datetime import UTC, datetime
from sqlite3 import IntegrityError
from typing import Any

from loyalty.standin.answers import Refused
from loyalty.standin.fields import Fields, invalid, iso, moment, one_of, points, text
from loyalty.standin.storage import Storage

CURRENCY = "points"
PAGE = 100
DEDUCT_REASONS = frozenset({"slot_machine_spin", "earn_reversal"})
CREDIT_REASONS = frozenset({"slot_machine_win", "slot_machine_refund"})
EARN_REASONS = frozenset({"token_purchase", "tip"})

MEMBER = "SELECT member_id, balance, updated_at FROM member WHERE client_user_id = ?"
FIRST = "SELECT balance_after FROM entry WHERE transaction_id = ?"
CHANGE = "UPDATE member SET balance = ?, updated_at = ? WHERE member_id = ?"
RECORD = """
INSERT INTO entry (member_id, transaction_id, type, points_delta, balance_after, at) VALUES (?, ?, ?, ?, ?, ?)
"""
LEDGER = """
SELECT entry_id, transaction_id, type, points_delta, balance_after, at FROM entry
 WHERE member_id = ? AND entry_id > ? AND at >= ? ORDER BY entry_id LIMIT ?
"""
ENTRY = ("entryId", "transactionId", "type", "pointsDelta", "balanceAfter", "at")


def balance(storage: Storage, query: Fields) -> dict[str, Any]:
    """GET /loyalty/balance."""
    user_id = text(query, "userId")
    _, available, updated_at = _member(storage, user_id)
    return {"userId": user_id, "balance": available, "currency": CURRENCY, "lastUpdated": updated_at}


def deduct(storage: Storage, fields: Fields) -> dict[str, Any]:
    """POST /loyalty/deduct. Refuses what the balance does not cover; that refusal is the key's result."""
    amount = points(fields, "amount")
    one_of(fields, "reason", DEDUCT_REASONS)
    member_id, available, _ = _member(storage, text(fields, "userId"))
    if available < amount:
        message = "The balance does not cover the amount."
        raise Refused(400, "INSUFFICIENT_BALANCE", message, is_kept=True, currentBalance=available)
    return _moved(storage, member_id, fields, "deduct", -amount, available - amount)


def credit(storage: Storage, fields: Fields) -> dict[str, Any]:
    """POST /loyalty/credit."""
    one_of(fields, "reason", CREDIT_REASONS)
    return _added(storage, fields, "credit", points(fields, "amount"))


def earn(storage: Storage, fields: Fields) -> dict[str, Any]:
    """POST /loyalty/earn."""
    one_of(fields, "reason", EARN_REASONS)
    return _added(storage, fields, "earn", points(fields, "points"))


def ledger(storage: Storage, query: Fields) -> dict[str, Any]:
    """GET /loyalty/ledger: a member's entries in their order, a page at a time."""
    member_id, _, _ = _member(storage, text(query, "userId"))
    cursor = str(query.get("cursor") or "0")
    if not cursor.isascii() or not cursor.isdigit():
        raise invalid("cursor is not one of ours.")
    since = moment(query, "from")
    rows = storage.all(LEDGER, member_id, int(cursor), iso(since) if since else "", PAGE + 1)
    shown = rows[:PAGE]
    entries = [dict(zip(ENTRY, (str(row[0]), *row[1:]), strict=True)) for row in shown]
    return {"entries": entries, "next": str(shown[-1][0]) if len(rows) > PAGE else None}


def record(
    storage: Storage, member_id: str, transaction_id: str, kind: str, delta: int, after: int, at: datetime
) -> None:
    """Change a balance and write its entry; the caller's block commits both."""
    when = iso(at)
    storage.execute(RECORD, (member_id, transaction_id, kind, delta, after, when))
    storage.execute(CHANGE, (after, when, member_id))


def _added(storage: Storage, fields: Fields, kind: str, amount: int) -> dict[str, Any]:
    member_id, available, _ = _member(storage, text(fields, "userId"))
    return _moved(storage, member_id, fields, kind, amount, available + amount)


def _moved(storage: Storage, member_id: str, fields: Fields, kind: str, delta: int, after: int) -> dict[str, Any]:
    """Write the change. Raises Refused with the first result if the transaction came before, under another key."""
    transaction_id = text(fields, "transactionId")
    try:
        record(storage, member_id, transaction_id, kind, delta, after, datetime.now(UTC))
    except IntegrityError:
        first = storage.one(FIRST, transaction_id)
        if first is None:
            raise
        raise duplicate(transaction_id, first[0]) from None
    return {"success": True, "newBalance": after, "transactionId": transaction_id}


def _member(storage: Storage, user_id: str) -> tuple[Any, ...]:
    """Return member, balance and last change. Raises Refused if no member is linked to the user."""
    if found := storage.one(MEMBER, user_id):
        return found
    raise Refused(400, "INVALID_USER", "No member is linked to this user.")


def duplicate(transaction_id: str, new_balance: int) -> Refused:
    """Return the refusal of a transaction that has been carried out; it carries the first result."""
    message = "The transaction was carried out before; its first result stands."
    return Refused(409, "DUPLICATE_TRANSACTION", message, newBalance=new_balance, transactionId=transaction_id)
