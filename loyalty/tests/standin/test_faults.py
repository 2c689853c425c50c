"""Each fault over HTTP: what the caller sees, and what happened."""

import socket
from contextlib import closing

import httpx
import pytest

from loyalty.standin.steering import Steering
from loyalty.tests.contract.caller import Caller, fresh
from tests.stack.processes import until
from tests.standin import StandIn

AMOUNT = 100


def asked_again(caller: Caller, key: str, before: int) -> None:
    """The same key has its result, once."""
    answer = caller.move("deduct", AMOUNT, key)
    assert (answer.status, answer.body["newBalance"]) == (200, before - AMOUNT)
    assert len(caller.entries_of(key)) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_dropped_call_has_no_answer_and_happened_or_not(standin: StandIn, caller: Caller, kind: str) -> None:
    before, key = caller.balance(), fresh("spin")
    standin.steering.fault(kind, count=1)

    with pytest.raises(httpx.TransportError):
        caller.move("deduct", AMOUNT, key)

    assert caller.balance() == before - (AMOUNT if kind == "drop_after" else 0)
    asked_again(caller, key, before)


@pytest.mark.parametrize(("kind", "status"), [("error_500", 500), ("error_503", 503)])
def test_an_error_of_the_system_happened_nowhere(standin: StandIn, caller: Caller, kind: str, status: int) -> None:
    before, key = caller.balance(), fresh("spin")
    standin.steering.fault(kind, count=1, path="/deduct")

    answer = caller.move("deduct", AMOUNT, key)

    assert (answer.status, answer.code) == (status, "SYSTEM_ERROR")
    assert caller.balance() == before
    asked_again(caller, key, before)


def test_too_many_calls_are_429_with_how_long_to_wait(standin: StandIn, caller: Caller) -> None:
    before = caller.balance()
    standin.steering.fault("rate_limited", count=1, retryAfter=7)

    answer = caller.move("deduct", AMOUNT, fresh("spin"))

    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "RATE_LIMIT_EXCEEDED", "7")
    assert caller.balance() == before


def test_a_slow_call_is_carried_out_though_its_caller_has_gone(standin: StandIn, caller: Caller) -> None:
    before, key = caller.balance(), fresh("spin")
    standin.steering.fault("latency", count=1, ms=600, path="/deduct")

    with closing(Caller(caller.given, timeout_s=0.1)) as impatient, pytest.raises(httpx.TimeoutException):
        impatient.move("deduct", AMOUNT, key)

    until(lambda: caller.entries_of(key), within_s=10)
    asked_again(caller, key, before)


def test_an_expired_token_is_401_until_there_is_another(standin: StandIn, caller: Caller) -> None:
    standin.steering.fault("expired_token", count=1)

    statuses = [caller.get("/loyalty/balance", userId=caller.given.user_id).status for _ in range(2)]
    with closing(Caller(caller.given)) as renewed:
        statuses.append(renewed.get("/loyalty/balance", userId=caller.given.user_id).status)

    assert statuses == [401, 401, 200]


def test_a_call_that_arrives_twice_says_that_its_first_result_stands(standin: StandIn, caller: Caller) -> None:
    before, key = caller.balance(), fresh("spin")
    standin.steering.fault("duplicate", count=1)

    answer = caller.move("deduct", AMOUNT, key)

    assert (answer.status, answer.code) == (409, "DUPLICATE_TRANSACTION")
    assert (answer.details["newBalance"], answer.details["transactionId"]) == (before - AMOUNT, key)
    asked_again(caller, key, before)


def test_another_key_for_the_same_transaction_is_a_duplicate(standin: StandIn, caller: Caller) -> None:
    first = caller.move("deduct", AMOUNT, transaction := fresh("spin"))
    fields = {"userId": caller.given.user_id, "amount": AMOUNT, "reason": "slot_machine_spin"}

    answer = caller.post("/loyalty/deduct", fields | {"transactionId": transaction}, key=fresh("other"))

    assert (answer.status, answer.code) == (409, "DUPLICATE_TRANSACTION")
    assert answer.details["newBalance"] == first.body["newBalance"] == caller.balance()


def test_a_header_is_a_fault_of_its_own_call(standin: StandIn, caller: Caller) -> None:
    fields = {"userId": caller.given.user_id, "amount": AMOUNT, "reason": "slot_machine_spin", "transactionId": "once"}

    answers = [
        caller.post("/loyalty/deduct", fields | {"transactionId": key}, key=key, **headers)
        for key, headers in [(fresh("spin"), {"X-Standin-Fault": "error_503"}), (fresh("spin"), {})]
    ]

    assert [answer.status for answer in answers] == [503, 200]


def test_a_refusal_is_the_result_of_its_key_even_if_points_have_come_since(standin: StandIn, caller: Caller) -> None:
    before, key = caller.balance(), fresh("spin")
    first = caller.move("deduct", before + AMOUNT, key)
    caller.move("credit", AMOUNT, fresh("spin"))

    again = caller.move("deduct", before + AMOUNT, key)

    assert (first.code, again.status, again.raw) == ("INSUFFICIENT_BALANCE", 400, first.raw)
    assert caller.balance() == before + AMOUNT


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0}, {"amount": -1}, {"amount": True}, {"amount": "1"}, {"amount": 1.0}, {"reason": "a whim"},
        {"userId": ""}, {"transactionId": None},
    ],
)  # fmt: skip
def test_a_body_that_is_not_the_contracts_is_refused(caller: Caller, wrong: dict[str, object]) -> None:
    fields = {"userId": caller.given.user_id, "amount": 1, "reason": "slot_machine_spin", "transactionId": fresh("x")}

    answer = caller.post("/loyalty/deduct", fields | wrong)

    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("header", ["X-Request-Trace", "Idempotency-Key"])
def test_a_call_without_the_contracts_headers_is_refused(caller: Caller, header: str) -> None:
    fields = {"userId": caller.given.user_id, "amount": 1, "reason": "slot_machine_spin", "transactionId": fresh("x")}

    answer = caller.post("/loyalty/deduct", fields, **{header: ""})

    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


def test_connections_of_clients_are_counted_and_those_that_steer_are_not(standin: StandIn, caller: Caller) -> None:
    before = standin.steering.stats()
    with closing(Caller(caller.given)) as another:
        another.move("deduct", AMOUNT, key := fresh("spin"))
        another.move("deduct", AMOUNT, key)

    after = standin.steering.stats()
    with closing(Steering(standin.url)) as second:
        assert second.stats()["connections"] == after["connections"] == before["connections"] + 1
    assert after["applied"]["loyalty/deduct"] - before["applied"].get("loyalty/deduct", 0) == 1
    assert after["replayed"]["loyalty/deduct"] - before["replayed"].get("loyalty/deduct", 0) == 1
    assert after["calls"]["POST /api/v1/loyalty/deduct"] - before["calls"]["POST /api/v1/loyalty/deduct"] == 2


def test_a_connection_without_a_request_counts_too(standin: StandIn) -> None:
    before = standin.steering.stats()["connections"]
    address = standin.url.removeprefix("http://").split(":")

    with socket.create_connection((address[0], int(address[1])), timeout=5):
        until(lambda: standin.steering.stats()["connections"] == before + 1, within_s=5)
