"""The mutants of points that RedRoomRewards keeps: the saga of a spin, the outbox, clearing, its client and webhook."""

from collections.abc import Sequence

from tests.mutants.kinds import changed, dropped, rewritten

CLEARING, TABLES = ("escrow/tests/ledger/test_clearing.py",), ("loyalty/tests/test_tables.py",)
RECOVERY, CLIENT = ("loyalty/tests/test_recovery.py",), ("loyalty/tests/test_client.py",)
KEPT = ("escrow/tests/adjustments/test_kept_elsewhere.py",)


def intents(test: str) -> Sequence[str]:
    return (f"slots/tests/test_intents.py::test_{test}",)


def saga(test: str) -> Sequence[str]:
    return (f"slots/tests/test_saga.py::test_{test}",)


def outbox(test: str) -> Sequence[str]:
    return (f"loyalty/tests/test_outbox.py::test_{test}",)


def webhook(test: str) -> Sequence[str]:
    return (f"loyalty/tests/linking/test_webhook.py::test_{test}",)


POINTS = (
    # --- the intent
    rewritten("a bet is deducted without an intent", "slots.services.intents",
              "[self._inserting(), loyalty.opening_deducts(deducts)]", "[loyalty.opening_deducts(deducts)]",
              intents("a_win_is_a_spin_like_any_other_whose_points_are_elsewhere")),
    rewritten("an intent is stored without its deduct", "slots.services.intents",
              "[self._inserting(), loyalty.opening_deducts(deducts)]", "[self._inserting()]",
              intents("a_win_is_a_spin_like_any_other_whose_points_are_elsewhere")),
    rewritten("who is not linked spins", "slots.services.intents", "if request.caller_id not in self._linked:",
              "if False:", intents("every_gate_refuses_before_anything_is_written")),
    rewritten("another key takes over an open intent", "slots.services.intents", "if kept.key != request.key:",
              "if False:", intents("another_key_waits_for_the_open_intent")),
    rewritten("an intent of any age is resumed", "slots.services.intents", "context.now - kept.at > RESUMED_WITHIN",
              "False", intents("an_old_intent_is_left_to_reconciliation")),
    rewritten("an intent begins while the breaker is open", "xxxchat.commands.saga",
              "is_reachable=breaker.room != 0", "is_reachable=True",
              saga("while_the_breaker_is_open_nobody_is_asked")),
    dropped("a user has two open intents", "DROP INDEX slots_intent_one_open_of_user",
            intents("a_user_has_one_open_intent")),
    changed("a closed intent is closed again", "slots_intent_kept", "OLD.state <> 'open'", "false",
            intents("a_closed_intent_stays_closed")),
    # --- the settlement
    rewritten("a spin is done and its award is not queued", "slots.services.settling",
              "*([loyalty.queue_credits(credits)] if credits else []),", "",
              intents("a_win_is_a_spin_like_any_other_whose_points_are_elsewhere")),
    rewritten("a spin is done and its intent stays open", "slots.services.settling", "closing_intents(done, at=at),",
              "", intents("a_win_is_a_spin_like_any_other_whose_points_are_elsewhere")),
    rewritten("the balance before a spin leaves out its bet", "slots.services.settling",
              "deduct.new_balance + kept.bet", "deduct.new_balance",
              intents("a_win_is_a_spin_like_any_other_whose_points_are_elsewhere")),
    rewritten("a spin is drawn whose commitment has passed", "slots.services.settling",
              "if (context.nonce, context.commitment) != (kept.nonce, bytes(kept.commitment)):", "if False:",
              intents("a_spin_whose_commitment_has_passed_is_given_back")),
    rewritten("an unknown deduct is refused", "slots.services.settling",
              "self._closing.unknown.append((intent.spin_id, deduct.fault))",
              "self._closing.refuse(intent.spin_id, deduct.fault)",
              intents("an_unknown_outcome_leaves_everything_open_for_the_same_key")),
    rewritten("a deduct that reconciliation has closed is kept", "slots.services.settling",
              "self._closing.refunds.append(intent.deduct)", "pass",
              intents("what_reconciliation_has_closed_is_given_back_once")),
    rewritten("what is compensated is not given back", "slots.services.closing", "self.refunds.append(deduct)", "pass",
              intents("a_wallet_that_was_frozen_meanwhile_is_given_its_bet_back")),
    rewritten("who cannot be asked again has not paid", "xxxchat.commands.saga", "if intent.resumed else",
              "if False else", saga("who_cannot_be_asked_again_may_have_paid")),
    # --- operations and their keys
    rewritten("a refund is a point more", "loyalty.services.operations",
              'amount=each.amount,\n                transaction_id=f"spin-{each.spin_id}-refund"',
              'amount=each.amount + 1,\n                transaction_id=f"spin-{each.spin_id}-refund"', RECOVERY),
    rewritten("a refund has the key of its deduct", "loyalty.services.operations", "spin_id}-refund", "spin_id}-deduct",
              RECOVERY),
    rewritten("an award has the key of its deduct", "loyalty.services.operations", "{spin_id}-credit",
              "{spin_id}-deduct", intents("a_win_is_a_spin_like_any_other_whose_points_are_elsewhere")),
    dropped("what an operation sends may change", "DROP TRIGGER loyalty_operation_kept ON loyalty_remoteoperation",
            TABLES),
    changed("a confirmed award goes back", "loyalty_operation_kept",
            "WHEN 'confirmed' THEN NEW.state = 'compensated' AND is_deduct",
            "WHEN 'confirmed' THEN NEW.state = 'compensated'", TABLES),
    # --- the outbox
    rewritten("an operation is taken by two rounds", "loyalty.services.asking", " FOR NO KEY UPDATE SKIP LOCKED)", ")",
              outbox("rounds_beside_each_other_send_each_letter_once")),
    rewritten("a claim holds for no time", "loyalty.services.asking", "make_interval(secs => %(lease_s)s)",
              "make_interval(secs => 0 * %(lease_s)s)", outbox("a_worker_that_dies_after_asking_loses_nothing")),
    rewritten("an operation is dead after an hour", "loyalty.services.asking", "timedelta(hours=24)",
              "timedelta(hours=1)",
              outbox("pauses_double_from_a_second_to_an_hour_and_the_letter_is_dead_after_a_day")),
    rewritten("a reversal overtakes what it reverses", "loyalty.services.asking",
              "AND e.state IN ('open', 'unknown', 'dead'))", "AND false)",
              ("loyalty/tests/test_earning.py::test_a_reversal_waits_until_the_order_has_earned",)),
    rewritten("a lost answer to a credit is a confirmation", "loyalty.services.outbox",
              "OperationState.DEAD if due.is_last else OperationState.UNKNOWN",
              "OperationState.DEAD if due.is_last else OperationState.CONFIRMED",
              outbox("a_lost_answer_is_asked_for_again_with_the_same_key_and_pays_once")),
    # --- reconciliation
    rewritten("whom nobody reaches has refused a deduct", "loyalty.services.recovery",
              "_kept(due, result.code, sent=False)", "return _resolved(due, taken=0, error=result.code)",
              RECOVERY),
    rewritten("a deduct that was found is kept", "loyalty.services.recovery", 'taken=due.amount, error="NOT_SETTLED"',
              'taken=0, error="NOT_SETTLED"', RECOVERY),
    rewritten("the bet of a spin that was drawn goes back", "slots.services.resolving",
              "elif taken and intent.state != IntentState.DONE:", "elif taken:",
              saga("a_spin_that_was_drawn_meanwhile_stays")),
    rewritten("the last try alone says whether a deduct may have happened", "loyalty.client.sending",
              "may_have_happened |= fault", "may_have_happened = fault", CLIENT),
    # --- clearing
    changed("a cleared bet comes from the machine's bank", "escrow_instant_cleared", "m.deposit, 2, NULL, p_clearing,",
            "m.deposit, 2, NULL, p_house,", CLEARING),
    changed("a cleared award goes to the machine's bank", "escrow_instant_cleared", "m.withdraw, 2, NULL, p_clearing,",
            "m.withdraw, 2, NULL, p_house,", CLEARING),
    changed("a wallet that has moved is cleared", "escrow_instant_cleared", "AND x.available = t.available", "",
            CLEARING),
    changed("a frozen wallet is cleared", "escrow_instant_cleared", "AND x.status = 'active'", "", CLEARING),
    changed("another person's wallet is cleared", "escrow_instant_cleared", "AND x.owner_id = t.payer", "", CLEARING),
    changed("a wallet of another currency is cleared", "escrow_instant_cleared", "AND x.currency = p_currency", "",
            CLEARING),
    changed("a list is cleared in part", "escrow_instant_cleared",
            "v_entries <> 5 * cardinality(p_hold) + 4 * cardinality(array_remove(p_awarded, 0))", "false", CLEARING),
    changed("a cleared award may be less than nothing", "escrow_instant_cleared", "0 <= ALL (p_awarded) AND", "",
            CLEARING),
    # --- corrections
    dropped("raw SQL undoes what was paid elsewhere", "DROP TRIGGER escrow_operation_undoes ON escrow_operation", KEPT),
    changed("a settlement that was paid elsewhere is undone", "escrow_kept_elsewhere", "WHERE o.id = p_operation)",
            "WHERE false)", KEPT),
    changed("a deposit that was taken elsewhere is undone", "escrow_kept_elsewhere",
            "WHERE e.operation_id = p_operation", "WHERE false", KEPT),
    changed("a spin of our own is taken for one that was paid elsewhere", "escrow_kept_elsewhere",
            "AND e.house = 'loyalty_clearing'\n         WHERE", "WHERE", KEPT),
    # --- a key that another request holds
    changed("a deduct is given up", "loyalty_operation_kept", "NEW.state = 'dead' AND NOT is_deduct",
            "NEW.state = 'dead'", TABLES),
    rewritten("the bet is given back, whatever was taken by its key", "loyalty.services.recovery",
              "taken=result.points, error=KEY_MISMATCH", "taken=due.amount, error=KEY_MISMATCH", RECOVERY),
    rewritten("a key that another request holds is asked for again", "loyalty.services.asking",
              "if due.is_looked_up:", "if False:", RECOVERY),
    rewritten("a refusal undoes a try before it that was lost", "loyalty.client.sending",
              '"" if refused.is_proof else refused.code', '""', CLIENT),
    # --- events
    rewritten("any signature of an event will do", "loyalty.services.signatures",
              "if not hmac.compare_digest(expected.encode(), given.lower().encode()):", "if False:",
              webhook("a_wrong_signature_is_401_and_keeps_nothing")),
    rewritten("an event of any age will do", "loyalty.services.signatures", " or abs(now_s - int(at)) > TOLERANCE_S",
              "", webhook("a_wrong_signature_is_401_and_keeps_nothing")),
    rewritten("the time of an event is not signed", "loyalty.services.signatures",
              'body if at is None else at.encode() + b"." + body', "body",
              webhook("a_wrong_signature_is_401_and_keeps_nothing")),
)  # fmt: skip
