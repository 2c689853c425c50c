"""The mutants: what is changed in the migrated test database, and which tests must fail.

A mutant of a function replaces one text of its definition (`*/schema/*.sql`) in the database; a text that is not in it
is an error, so no mutant goes stale. The others run a statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

HOLDING = ("escrow/tests/ledger/test_holds.py",)
CLOSING = ("escrow/tests/ledger/test_closes.py",)
ADJUST = ("escrow/tests/adjustments",)
GUARDS = ("escrow/tests/ledger/test_guards.py",)
FREEZES = ("escrow/tests/verification/test_freezes.py",)
GATED = ("tests/concurrency/test_gated.py",)


@dataclass(frozen=True)
class Mutant:
    """One fault. `function` with `old` and `new`, or `sql`. `killers`: what to run, the likeliest first."""

    name: str
    killers: Sequence[str]
    function: str = ""
    old: str = ""
    new: str = ""
    sql: str = ""


def changed(name: str, function: str, old: str, new: str, killers: Sequence[str]) -> Mutant:
    return Mutant(name, killers, function, old, new)


def dropped(name: str, sql: str, killers: Sequence[str]) -> Mutant:
    return Mutant(name, killers, sql=sql)


MUTANTS = (
    # --- comparisons and amounts
    changed("a hold of the last token is refused", "escrow_hold", "w.available >= p_amount[i]",
            "w.available > p_amount[i]", HOLDING),
    changed("a hold may take more than is there", "escrow_hold", " AND w.available >= p_amount[i]", "", HOLDING),
    changed("a frozen wallet may hold", "escrow_hold", "w.status = 'active' AND", "", HOLDING),
    changed("a list may take more than is there", "escrow_hold", "AND x.available >= s.amount", "", HOLDING),
    changed("a frozen wallet may hold by a list", "escrow_hold", "x.status = 'active' AND", "", HOLDING),
    changed("a list's elements ask for the first one's amount only", "escrow_hold", "sum(t.amount)", "min(t.amount)",
            HOLDING),
    changed("an entry's balances after it are swapped", "escrow_hold",
            "w.available, w.held, w.earned, w.owed, v_now", "w.held, w.available, w.earned, w.owed, v_now", HOLDING),
    changed("a list's entries' balances after them are swapped", "escrow_hold",
            "m.available, m.held, m.earned, m.owed, v_now", "m.held, m.available, m.earned, m.owed, v_now", HOLDING),
    changed("all of a list have their turn at once", "escrow_hold", "ELSE s.turn END", "ELSE 1 END", HOLDING),
    changed("one key may be named twice in a list", "escrow_hold", "count(*) = count(DISTINCT k)", "true", HOLDING),
    changed("a close need not add up to its hold", "escrow_close", "p_settle[i] + p_refund[i] <> h.amount",
            "p_settle[i] + p_refund[i] > h.amount", CLOSING),
    changed("a fee is rounded up", "escrow_close", "p_settle[i] * p_fee_bps[i] / 10000",
            "(p_settle[i] * p_fee_bps[i] + 9999) / 10000", CLOSING),
    changed("the house pays a fee", "escrow_close", "CASE WHEN h.payee_id IS NULL THEN 0 ELSE",
            "CASE WHEN false THEN 0 ELSE", CLOSING),
    changed("a refund does not pay a debt first", "escrow_close", "least(payer.owed, p_refund[i])", "0", CLOSING),
    changed("income does not pay a debt first", "escrow_close", "least(payee.owed, net)", "0", CLOSING),
    changed("a frozen wallet may settle", "escrow_close",
            "p_settle[i] > 0 AND (payer.status <> 'active' OR payee.status <> 'active')", "false", CLOSING),
    changed("settle and refund are swapped", "escrow_close", "captured = p_settle[i], released = p_refund[i]",
            "captured = p_refund[i], released = p_settle[i]", CLOSING),
    changed("a deposit does not pay a debt first", "escrow_credit", "least(w.owed, p_amount[i])", "0", HOLDING),
    changed("a key replays whatever was requested", "escrow_known", "o.fingerprint <> p_fingerprint", "false",
            (*HOLDING, *CLOSING)),
    changed("a reversal may take what is not there", "escrow_reverse", "w.available + a < 0 OR w.earned + g < 0",
            "false", ADJUST),
    changed("a chargeback takes what was earned only", "escrow_chargeback", "least(w.available, amount)", "0::bigint",
            ADJUST),
    changed("all of a debt cannot be written off", "escrow_write_off", "w.owed < p_amount[i]", "w.owed <= p_amount[i]",
            ADJUST),
    changed("the smallest payout is too small", "escrow_payout", "p_amount[i] < p_minimum", "p_amount[i] <= p_minimum",
            ADJUST),
    changed("a debt is paid out", "escrow_payout", "w.earned - w.owed < p_amount[i]", "w.earned < p_amount[i]", ADJUST),
    changed("a repair trusts a row whose version was changed", "escrow_repair", "w.version IS DISTINCT FROM e.version",
            "false", ADJUST),
    # --- locks
    changed("a wallet is not locked", "escrow_hold",
            "AND x.currency = p_currency[i] FOR NO KEY UPDATE", "AND x.currency = p_currency[i]", GATED),
    changed("a hold is not locked", "escrow_close", "WHERE x.id = p_hold[i] FOR NO KEY UPDATE",
            "WHERE x.id = p_hold[i]", GATED),
    changed("a close locks its wallets from the last to the first", "escrow_close",
            "ORDER BY x.id FOR", "ORDER BY x.id DESC FOR", GATED),
    changed("wallets of a list are not locked", "escrow_lock_wallets", "ORDER BY x.id FOR NO KEY UPDATE",
            "ORDER BY x.id", GATED),
    changed("wallets are locked in any order", "escrow_lock_wallets", "ORDER BY x.id FOR", "ORDER BY x.id DESC FOR",
            GATED),
    changed("holds' wallets are locked from the last to the first", "escrow_lock_holds",
            "WHERE z.id = ANY (p_hold))\n      ORDER BY x.id",
            "WHERE z.id = ANY (p_hold))\n      ORDER BY x.id DESC", GATED),
    # --- guards
    dropped("balances move without a version", "DROP TRIGGER escrow_wallet_moves ON escrow_wallet", GUARDS),
    dropped("a wallet may change hands", "DROP TRIGGER escrow_wallet_keeps ON escrow_wallet", GUARDS),
    dropped("a wallet may begin with money", "DROP TRIGGER escrow_wallet_begins ON escrow_wallet", GUARDS),
    changed("operations need not balance", "escrow_entry_begins",
            "sum(d_available + d_held + d_earned - d_owed) <> 0", "false", GUARDS),
    changed("an entry may be of nobody", "escrow_entry_begins", "<> 6\n            ELSE",
            "<> 6 AND false\n            ELSE", GUARDS),
    changed("a house may hold", "escrow_entry_begins", "OR d_held <> 0 OR d_earned <> 0 OR d_owed <> 0", "", GUARDS),
    dropped("anybody writes entries", "DROP TRIGGER escrow_entry_begins ON escrow_entry", GUARDS),
    dropped("entries may be changed", "DROP TRIGGER escrow_entry_append_only ON escrow_entry", GUARDS),
    dropped("anybody writes operations", "DROP TRIGGER escrow_operation_writer ON escrow_operation", GUARDS),
    dropped("a closed hold closes again", "DROP TRIGGER escrow_hold_ends ON escrow_hold", GUARDS),
    changed("a hold may close in part", "escrow_hold_ends", "NEW.captured + NEW.released <> NEW.amount", "false",
            GUARDS),
    changed("a hold may be to oneself", "escrow_hold_begins", "AND NEW.payee_id IS DISTINCT FROM NEW.payer_id", "",
            GUARDS),
    dropped("a hold may be born settled", "DROP TRIGGER escrow_hold_begins ON escrow_hold", GUARDS),
    dropped("a hold may change its terms", "DROP TRIGGER escrow_hold_keeps ON escrow_hold", GUARDS),
    dropped("a hold pays whatever its item says", "DROP TRIGGER perfqueue_hold_guard ON escrow_hold", GUARDS),
    dropped("a wallet may be below zero", "ALTER DOMAIN escrow_balance DROP CONSTRAINT escrow_balance_not_negative",
            GUARDS),
    dropped("a hold may be of nothing", "ALTER DOMAIN escrow_amount DROP CONSTRAINT escrow_amount_in_range", GUARDS),
    dropped("a wallet is frozen without a freeze", "DROP TRIGGER escrow_wallet_freezes ON escrow_wallet", FREEZES),
    dropped("an open freeze leaves its wallet active", "DROP TRIGGER escrow_freeze_agrees ON escrow_freeze", FREEZES),
    dropped("a freeze may be rewritten", "DROP TRIGGER escrow_freeze_ends ON escrow_freeze", FREEZES),
    dropped("an operation is undone twice", "DROP INDEX escrow_operation_reversed_once", GUARDS),
)  # fmt: skip
