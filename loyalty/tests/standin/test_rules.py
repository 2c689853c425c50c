"""The rules of faults, without a server: which call meets which."""

from typing import Any

import pytest

from loyalty.standin.answers import Refused
from loyalty.standin.faults import OF_EVENTS, Faults, Kind, Plan

DEDUCT, CREDIT = "/api/v1/loyalty/deduct", "/api/v1/loyalty/credit"


def kinds(faults: Faults, calls: int = 1_000, path: str = DEDUCT) -> list[Kind | None]:
    return [faults.plan(path).kind for _ in range(calls)]


def with_rules(*rules: dict[str, Any], seed: int = 1) -> Faults:
    faults = Faults(seed)
    for rule in rules:
        faults.add(rule)
    return faults


def test_without_a_rule_nothing_happens() -> None:
    assert with_rules().plan(DEDUCT) == Plan()


def test_a_rate_is_a_share_of_calls_and_the_same_seed_meets_the_same_calls() -> None:
    rule = {"kind": "drop_after", "rate": 0.1}

    first, again, other = kinds(with_rules(rule)), kinds(with_rules(rule)), kinds(with_rules(rule, seed=2))

    assert 60 < first.count(Kind.DROP_AFTER) < 140
    assert again == first
    assert other != first
    assert kinds(with_rules({**rule, "seed": 7})) == kinds(with_rules({**rule, "seed": 7}, seed=2))


def test_a_count_is_the_next_calls_of_a_path() -> None:
    faults = with_rules({"kind": "error_500", "count": 2, "path": "loyalty/deduct"})

    assert kinds(faults, 2, CREDIT) == [None, None]
    assert kinds(faults, 3) == [Kind.ERROR_500, Kind.ERROR_500, None]
    assert faults.fired == {"error_500": 2}


def test_latencies_add_up_and_the_first_of_the_others_counts() -> None:
    faults = with_rules(
        {"kind": "latency", "ms": 20},
        {"kind": "rate_limited", "retryAfter": 3},
        {"kind": "drop_after", "count": 1},
        {"kind": "latency", "ms": 30},
    )

    assert faults.plan(DEDUCT) == Plan(delay_s=0.05, kind=Kind.RATE_LIMITED, retry_after_s=3)
    assert faults.rules[2].left == 1


def test_rules_of_events_are_not_for_calls_nor_those_of_calls_for_events() -> None:
    faults = with_rules({"kind": "wrong_signature"}, {"kind": "error_503", "count": 1})

    assert faults.plan("/api/v1/loyalty/webhook", kinds=OF_EVENTS).kind is Kind.WRONG_SIGNATURE
    assert kinds(faults, 2) == [Kind.ERROR_503, None]


def test_a_header_is_a_rule_for_its_own_call() -> None:
    faults = with_rules()

    assert faults.plan(DEDUCT, "drop_before").kind is Kind.DROP_BEFORE
    assert faults.plan(DEDUCT, "latency; ms=500").delay_s == 0.5
    assert faults.plan(DEDUCT).kind is None


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"kind": "earthquake"}, {"kind": "latency", "ms": -1}, {"kind": "latency", "ms": "20"},
        {"kind": "error_500", "rate": 2}, {"kind": "error_500", "rate": True}, {"kind": "error_500", "count": 1.5},
        {"kind": "error_500", "path": 1},
    ],
)  # fmt: skip
def test_a_rule_that_is_not_right_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"must be|missing"):
        with_rules(rule)


@pytest.mark.parametrize("header", ["", "earthquake", "latency; ms", "latency; ms=soon"])
def test_a_header_that_is_not_right_is_refused(header: str) -> None:
    with pytest.raises(Refused):
        with_rules().plan(DEDUCT, header)
