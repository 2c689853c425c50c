"""Points: balance, deduct, credit, earn, ledger, and what a key promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from loyalty.tests.contract.caller import Caller, fresh

MOVES = [("deduct", -1), ("credit", 1), ("earn", 1)]
AMOUNT = 7
TWINS = 8


def test_the_right_credentials_get_a_token_and_wrong_ones_none(caller: Caller) -> None:
    token, wrong = caller.token(), caller.token(client_secret="not the secret")

    assert token.status == 200
    assert token.body["access_token"]
    assert token.body["expires_in"] > 0
    assert 400 <= wrong.status < 500


def test_a_call_without_a_token_that_holds_is_401(caller: Caller) -> None:
    answer = caller.post("/loyalty/deduct", {"userId": caller.given.user_id}, Authorization="Bearer of-nobody")

    assert answer.status == 401


def test_a_balance_is_in_points_with_its_time(caller: Caller) -> None:
    body = caller.get("/loyalty/balance", userId=caller.given.user_id).body

    assert set(body) >= {"userId", "balance", "currency", "lastUpdated"}
    assert (body["userId"], body["currency"]) == (caller.given.user_id, "points")
    assert type(body["balance"]) is int
    assert datetime.fromisoformat(body["lastUpdated"]) <= datetime.now(UTC) + timedelta(minutes=5)


@pytest.mark.parametrize(("call", "sign"), MOVES)
def test_a_move_changes_the_balance_and_is_one_entry(caller: Caller, call: str, sign: int) -> None:
    before, key = caller.balance(), fresh("spin")

    answer = caller.move(call, AMOUNT, key)

    assert answer.status == 200
    assert answer.body == {"success": True, "newBalance": before + sign * AMOUNT, "transactionId": key}
    assert caller.balance() == before + sign * AMOUNT
    (entry,) = caller.entries_of(key)
    assert (entry["pointsDelta"], entry["balanceAfter"]) == (sign * AMOUNT, before + sign * AMOUNT)
    assert set(entry) >= {"entryId", "transactionId", "type", "pointsDelta", "balanceAfter", "at"}


@pytest.mark.parametrize("call", [call for call, _ in MOVES])
def test_the_same_key_and_body_is_the_same_answer_to_the_byte_and_moves_nothing(caller: Caller, call: str) -> None:
    key = fresh("spin")
    fields = {"metadata": {"spinId": key}} if call != "deduct" else {}
    amount = {"points": AMOUNT} if call == "earn" else {"amount": AMOUNT}
    reason = {"deduct": "slot_machine_spin", "credit": "slot_machine_refund", "earn": "tip"}[call]
    body = {"userId": caller.given.user_id, "reason": reason, "transactionId": key} | amount | fields
    first = caller.post(f"/loyalty/{call}", body, key=key)
    between = caller.move("credit", 1, fresh("spin"))

    second = caller.post(f"/loyalty/{call}", body, key=key)

    assert (first.status, second.status, second.raw) == (200, 200, first.raw)
    assert caller.balance() == between.body["newBalance"]
    assert len(caller.entries_of(key)) == 1


def test_the_same_key_with_another_body_is_a_mismatch_and_moves_nothing(caller: Caller) -> None:
    key = fresh("spin")
    after = caller.move("deduct", AMOUNT, key).body["newBalance"]

    answer = caller.move("deduct", AMOUNT + 1, key)

    assert (answer.status, answer.code) == (409, "IDEMPOTENCY_KEY_REUSE_MISMATCH")
    assert caller.balance() == after
    assert len(caller.entries_of(key)) == 1


def test_twins_at_the_same_time_move_once_and_have_one_answer(caller: Caller) -> None:
    before, key = caller.balance(), fresh("spin")
    fields = {"userId": caller.given.user_id, "amount": AMOUNT, "reason": "slot_machine_spin", "transactionId": key}

    with ThreadPoolExecutor(TWINS) as pool:
        answers = list(pool.map(lambda _: caller.post("/loyalty/deduct", fields, key=key), range(TWINS)))

    assert {(answer.status, answer.raw) for answer in answers} == {(200, answers[0].raw)}
    assert caller.balance() == before - AMOUNT
    assert len(caller.entries_of(key)) == 1


def test_more_than_the_balance_is_refused_with_what_is_there_and_moves_nothing(caller: Caller) -> None:
    before, key = caller.balance(), fresh("spin")

    answer = caller.move("deduct", before + 1, key)

    assert (answer.status, answer.code) == (400, "INSUFFICIENT_BALANCE")
    assert answer.details["currentBalance"] == before
    assert caller.balance() == before
    assert caller.entries_of(key) == []


def test_all_of_the_balance_may_be_deducted_and_given_back(caller: Caller) -> None:
    before = caller.balance()

    emptied = caller.move("deduct", before, fresh("spin"))
    given_back = caller.move("credit", before, fresh("spin"))

    assert (emptied.body["newBalance"], given_back.body["newBalance"]) == (0, before)


@pytest.mark.parametrize("call", [call for call, _ in MOVES])
def test_a_user_without_a_member_is_unknown(caller: Caller, call: str) -> None:
    answer = caller.move(call, AMOUNT, fresh("spin"), user_id=fresh("nobody"))

    assert 400 <= answer.status < 500
    assert answer.code == "INVALID_USER"


def test_the_ledger_of_a_user_is_read_from_a_time_on(caller: Caller) -> None:
    caller.move("credit", 1, fresh("spin"))
    key = fresh("spin")
    caller.move("credit", 1, key)
    (entry,) = caller.entries_of(key)

    since = caller.entries(**{"from": entry["at"]})

    assert key in {each["transactionId"] for each in since}
    assert all(datetime.fromisoformat(each["at"]) >= datetime.fromisoformat(entry["at"]) for each in since)
    assert caller.entries(**{"from": (datetime.now(UTC) + timedelta(days=1)).isoformat()}) == []


def test_pages_of_a_ledger_are_every_entry_once_and_add_up(caller: Caller) -> None:
    keys = {caller.move("credit", 1, fresh("spin")).body["transactionId"] for _ in range(120)}

    entries = caller.entries()

    ids = [entry["entryId"] for entry in entries]
    assert len(ids) == len(set(ids))
    assert keys <= {entry["transactionId"] for entry in entries}
    assert [entry["balanceAfter"] for entry in entries].count(caller.balance()) >= 1
