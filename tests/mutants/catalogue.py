"""The mutants: what is changed in the migrated test database, and which tests must fail.

A mutant of a function replaces one text of its definition (`*/schema/*.sql`) in the database; a text that is not in it
is an error, so no mutant goes stale. The others run a statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

HOLDING = ("escrow/tests/ledger/test_holds.py",)
CLOSING = ("escrow/tests/ledger/test_closes.py",)
ADJUST = tuple(f"escrow/tests/adjustments/test_{name}.py" for name in ("reversals", "payouts", "repairs"))
GUARDS = ("escrow/tests/ledger/test_guards.py",)
SPINS, WINDOW = ("slots/tests/test_batches.py",), ("slots/tests/test_window.py",)
BATCHES = ("escrow/tests/ledger/test_batches.py",)
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


def pairs(test: str) -> Sequence[str]:
    return (f"escrow/tests/adjustments/test_pairs.py::test_{test}",)


def disputes(test: str) -> Sequence[str]:
    return (f"escrow/tests/payments/test_disputes.py::test_{test}",)


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
    # --- what a batch has decided
    changed("a batch takes from a wallet that has moved", "escrow_open", "AND x.available = t.available", "", BATCHES),
    changed("a batch overlooks a debt", "escrow_open", "AND x.owed = t.owed", "", BATCHES),
    changed("a batch takes from a frozen wallet", "escrow_open", "AND x.status = 'active'", "", BATCHES),
    changed("a batch takes from another person's wallet", "escrow_open", "AND x.owner_id = t.payer", "", BATCHES),
    changed("a batch takes from a wallet of another currency", "escrow_open", "AND x.currency = p_currency", "",
            BATCHES),
    changed("a batch is written in part", "escrow_open", "v_moved <> cardinality(p_operation)", "false", BATCHES),
    changed("an instant takes from a wallet that has moved", "escrow_instant", "AND x.available = t.available", "",
            BATCHES),
    changed("an instant overlooks a debt", "escrow_instant", "AND x.owed = t.owed", "", BATCHES),
    changed("an instant takes from a frozen wallet", "escrow_instant", "AND x.status = 'active'", "", BATCHES),
    changed("an instant takes from another person's wallet", "escrow_instant", "AND x.owner_id = t.payer", "", BATCHES),
    changed("an instant takes from a wallet of another currency", "escrow_instant", "AND x.currency = p_currency", "",
            BATCHES),
    changed("instants are written in part", "escrow_instant",
            "v_entries <> 3 * cardinality(p_hold) + 2 * cardinality(array_remove(p_awarded, 0))", "false", BATCHES),
    changed("an award pays for the bet", "escrow_instant", "l.available::escrow_balance", "l.available",
            BATCHES),
    changed("an award of a batch does not pay a debt first", "escrow_instant", "least(u.owed, u.awarded)", "0::bigint",
            BATCHES),
    changed("a batch may award less than nothing", "escrow_instant", "0 <= ALL (p_awarded) AND", "", BATCHES),
    # --- spins by lists
    changed("a batch does not lock the slot states", "slots_load", " FOR NO KEY UPDATE SKIP LOCKED", "", SPINS),
    changed("a batch decides on a wallet that it has not locked", "slots_load", "AND w.id = ANY (v_wallets)", "",
            SPINS),
    changed("a spin moves a state that has moved", "slots_store", "AND s.nonce = n.nonce", "",
            ("slots/tests/test_storage.py",)),
    changed("the pointer to the hour's first spin never ends", "slots_window",
            "p_state.window_at > p_now - interval '1 hour'", "true", WINDOW),
    changed("the pointer counts beyond the limit", "slots_window", "p_state.nonce - p_state.window_nonce <= p_limit",
            "true", WINDOW),
    changed("the pointer is trusted at an earlier time", "slots_window", "AND p_state.last_spin_at <= p_now", "",
            WINDOW),
    changed("the pointer is trusted after an earlier time", "slots_window",
            "p_state.window_at <= p_state.last_spin_at AND", "", WINDOW),
    changed("an instant item is settled in part", "perfqueue_store_instants", "t.tokens, 0, '', ''",
            "t.tokens - 1, 1, '', ''", ("perfqueue/tests/intake/test_instants.py",)),
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
    changed("wallets of a batch are locked from the last to the first", "escrow_locked_wallets", "ORDER BY x.id FOR",
            "ORDER BY x.id DESC FOR", BATCHES),
    # --- guards
    dropped("anybody moves balances", "DROP TRIGGER escrow_wallet_writer ON escrow_wallet", GUARDS),
    dropped("anybody writes holds", "DROP TRIGGER escrow_hold_writer ON escrow_hold", GUARDS),
    dropped("balances move without a version", "DROP TRIGGER escrow_wallet_moves ON escrow_wallet", GUARDS),
    changed("balances go back a version", "escrow_wallet_moves", "NEW.version > OLD.version", "true", GUARDS),
    dropped("a wallet skips versions", "DROP TRIGGER escrow_wallet_follows ON escrow_wallet", GUARDS),
    changed("a wallet skips an entry", "escrow_wallet_follows", "count(*) = NEW.version - OLD.version", "true", GUARDS),
    changed("a wallet is below zero on its way", "escrow_wallet_follows",
            "AND min(least(e.available_after, e.held_after, e.earned_after, e.owed_after)) >= 0", "", GUARDS),
    changed("a wallet goes where no entry leads", "escrow_wallet_follows", "(NEW.version, NEW.available,",
            "(NEW.version, e.available_after,", GUARDS),
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
    changed("a hold is born settled in part", "escrow_hold_begins", "AND NEW.captured = NEW.amount", "", GUARDS),
    changed("a performer's hold is born settled", "escrow_hold_begins", "AND NEW.payee_house IS NOT NULL", "", GUARDS),
    changed("a hold is born refunded", "escrow_hold_begins", "NEW.status = 'SETTLED'", "true", GUARDS),
    changed("a hold is settled at no time", "escrow_hold_begins", "AND NEW.closed_at IS NOT NULL", "", GUARDS),
    dropped("a hold is born settled whatever its item says", "DROP TRIGGER perfqueue_hold_settled ON escrow_hold",
            GUARDS),
    dropped("a hold may change its terms", "DROP TRIGGER escrow_hold_keeps ON escrow_hold", GUARDS),
    dropped("a hold pays whatever its item says", "DROP TRIGGER perfqueue_hold_guard ON escrow_hold", GUARDS),
    changed("one hold of a statement speaks for all", "perfqueue_hold_guard", "WHERE captured > 0 OR released > 0)",
            "WHERE captured > 0 OR released > 0 LIMIT 1)", GUARDS),
    dropped("a wallet may be below zero", "ALTER DOMAIN escrow_balance DROP CONSTRAINT escrow_balance_not_negative",
            GUARDS),
    dropped("a hold may be of nothing", "ALTER DOMAIN escrow_amount DROP CONSTRAINT escrow_amount_in_range", GUARDS),
    dropped("a wallet is frozen without a freeze", "DROP TRIGGER escrow_wallet_freezes ON escrow_wallet", FREEZES),
    dropped("an open freeze leaves its wallet active", "DROP TRIGGER escrow_freeze_agrees ON escrow_freeze", FREEZES),
    dropped("a freeze may be rewritten", "DROP TRIGGER escrow_freeze_ends ON escrow_freeze", FREEZES),
    dropped("an operation is undone twice", "DROP INDEX escrow_operation_reversed_once", GUARDS),
    # --- disputes and pairs of corrections
    changed("a chargeback that was undone is not repeated", "escrow_latest", "c.first_kind = 'deposit'", "false",
            pairs("a_deposit_is_charged_back_again_and_corrected_once_its_chargeback_was_undone")),
    changed("a deposit stands whatever became of it", "escrow_latest", "AND c.steps % 2 = 0", "",
            pairs("a_deposit_is_charged_back_again_and_corrected_once_its_chargeback_was_undone")),
    changed("an undone chargeback may be undone while the next one stands", "escrow_latest",
            "c.first_kind = 'deposit' AND", "",
            pairs("a_chargeback_that_was_undone_is_not_undone_again_while_the_next_one_stands")),
    changed("a repeated chargeback is no replay", "escrow_chargeback", "known IS NOT NULL AND last.kind = 'chargeback'",
            "false",
            pairs("a_deposit_is_charged_back_again_and_corrected_once_its_chargeback_was_undone")),
    changed("a chargeback leaves its order paid", "escrow_chargeback", "WHERE x.deposit_id = o.id", "WHERE false",
            disputes("a_dispute_that_is_won_and_lost_again_takes_again")),
    changed("a chargeback locks the wallet before the order", "escrow_chargeback",
            "x.chargeback_id = ANY (p_reverses) ORDER BY x.id FOR NO KEY UPDATE",
            "x.chargeback_id = ANY (p_reverses) ORDER BY x.id",
            disputes("a_chargeback_waits_for_the_order_before_it_locks_the_wallet")),
    changed("an undo locks the wallet before the order", "escrow_reverse",
            "x.chargeback_id = ANY (p_reverses) ORDER BY x.id FOR NO KEY UPDATE",
            "x.chargeback_id = ANY (p_reverses) ORDER BY x.id",
            disputes("an_undo_by_hand_waits_for_the_order_before_it_locks_the_wallet")),
    changed("an undone chargeback leaves its order charged back", "escrow_reverse",
            "\n             WHERE x.chargeback_id = o.id;", "\n             WHERE false;",
            disputes("a_dispute_that_is_won_and_lost_again_takes_again")),
    changed("an undone chargeback leaves its disputes lost", "escrow_reverse", "AND x.state = 'lost'", "AND false",
            disputes("tokens_come_back_only_when_no_dispute_of_the_order_is_lost")),
    changed("what was written off is given to the buyer", "escrow_reverse",
            "o.kind = 'chargeback' AND w.owed + d < 0", "false",
            pairs("a_debt_written_off_is_undone_with_the_chargeback_that_made_it")),
    changed("more is undone of write-offs than the debt needs", "escrow_reverse",
            "least(-(w.owed + d), coalesce(sum(x.amount), 0))", "coalesce(sum(x.amount), 0)",
            pairs("a_write_off_of_two_debts_keeps_the_part_of_the_one_that_stays")),
    changed("a debt that comes back is not paid from what is available", "escrow_reverse",
            "greatest(w.available + a, 0)", "greatest(a, 0)",
            pairs("a_debt_that_an_undone_write_off_brings_back_is_paid_from_what_is_available")),
    changed("the oldest write-offs are undone first", "escrow_unforgive", "ORDER BY x.version DESC",
            "ORDER BY x.version",
            pairs("no_more_write_offs_are_undone_than_the_debt_needs")),
    changed("what a write-off cancelled of other debts is lost", "escrow_unforgive", "missing < 0", "false",
            pairs("a_write_off_of_two_debts_keeps_the_part_of_the_one_that_stays")),
    changed("write-offs of earlier debts are undone", "escrow_write_offs_after", "AND e.version > p_version", "",
            pairs("a_write_off_of_an_earlier_debt_stays_when_a_later_chargeback_is_undone")),
    changed("an undone write-off counts", "escrow_write_offs_after", "x.reverses_id = o.id", "false",
            pairs("a_write_off_undone_by_hand_before_is_not_undone_again")),
    changed("an order may name another operation as its chargeback", "escrow_agrees",
            "AND p_chargeback = l.operation", "",
            disputes("raw_sql_changes_no_dispute")),
    dropped("an order says what it likes", "DROP TRIGGER escrow_order_guard ON escrow_order",
            disputes("raw_sql_changes_no_dispute")),
    changed("a paid order may have a lost dispute", "escrow_order_guard", "x.state = 'lost'", "false",
            disputes("an_order_with_a_lost_dispute_is_not_paid_again_by_raw_sql")),
    changed("a dispute of a paid order may be lost", "escrow_dispute_guard", "NEW.state = 'lost' AND", "false AND",
            disputes("a_paid_order_has_no_lost_dispute_against_raw_sql_too")),
    changed("a won dispute may be lost", "escrow_dispute_guard", "OLD.state = 'won'", "false",
            disputes("raw_sql_changes_no_dispute")),
    dropped("a dispute may change its terms", "DROP TRIGGER escrow_dispute_guard ON escrow_dispute",
            disputes("raw_sql_changes_no_dispute")),
    dropped("a dispute may be deleted", "DROP TRIGGER escrow_dispute_kept ON escrow_dispute",
            disputes("raw_sql_changes_no_dispute")),
    dropped("a dispute may be of two orders",
            "ALTER TABLE escrow_dispute DROP CONSTRAINT escrow_dispute_of_one_order",
            disputes("raw_sql_changes_no_dispute")),
    dropped("an order may be charged back twice without an id", "DROP INDEX escrow_dispute_one_without_an_id",
            disputes("raw_sql_changes_no_dispute")),
)  # fmt: skip
