"""The gates close in the order that is promised, each with its code, and a decision follows from what was loaded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Role, User
from compliance.errors import AgeVerificationRequired, GameDisabled, RoleNotAllowed, TermsNotAccepted
from core.errors import NotFound, Refused
from core.ids import new_id
from slots.chain import genesis
from slots.draw import commitment
from slots.errors import CommitmentStale, HourlyLimitReached, InvalidBet, PaytableChanged, SpinTooFast
from slots.gates import HOUR, SESSION_IDLE, Decision, Limits, SpinContext, SpinRequest, decide
from slots.tests.test_draw import CLASSIC, SEED

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LIMITS = Limits(min_interval=timedelta(milliseconds=2_500), spins_per_hour=100)
OFF = Limits(min_interval=timedelta(0), spins_per_hour=0)


def person(**changes: Any) -> User:
    return User(**{"username": "p", "role": Role.USER, "verified_at": NOW, "terms_version": 1, **changes})


def request_for(**changes: Any) -> SpinRequest:
    usual: dict[str, Any] = {
        "user": person(),
        "spin_id": new_id(),
        "bet": 100,
        "commitment": None,
        "paytable_digest": None,
        "client_nonce": bytes(16),
        "client_nonce_drawn": False,
        "client_seed": None,
        "performer_id": None,
        "next_seed": b"n" * 32,
    }
    return SpinRequest(**{**usual, **changes})


def context_with(**changes: Any) -> SpinContext:
    usual: dict[str, Any] = {
        "now": NOW,
        "enabled": True,
        "performer_known": True,
        "paytable_id": new_id(),
        "table": CLASSIC,
        "nonce": 3,
        "commitment": commitment(SEED),
        "seed": SEED,
        "client_seed": "kept",
        "chain": genesis(new_id()),
        "staked_total": 300,
        "paid_total": 150,
        "last_spin_at": None,
        "session_started_at": None,
        "session_net": 0,
        "reality_at": None,
        "used": 0,
        "oldest_used_at": None,
    }
    return SpinContext(**{**usual, **changes})


Closed = Callable[[SpinRequest, SpinContext], tuple[SpinRequest, SpinContext]]
GATES: list[tuple[type[Refused], Closed]] = [
    (RoleNotAllowed, lambda a, s: (replace(a, user=_changed(a.user, role=Role.PERFORMER)), s)),
    (NotFound, lambda a, s: (a, replace(s, performer_known=False))),
    (GameDisabled, lambda a, s: (a, replace(s, enabled=False))),
    (AgeVerificationRequired, lambda a, s: (replace(a, user=_changed(a.user, verified_at=None)), s)),
    (TermsNotAccepted, lambda a, s: (replace(a, user=_changed(a.user, terms_version=0)), s)),
    (PaytableChanged, lambda a, s: (replace(a, paytable_digest=bytes(32)), s)),
    (CommitmentStale, lambda a, s: (replace(a, commitment=bytes(32)), s)),
    (InvalidBet, lambda a, s: (replace(a, bet=99), s)),
    (SpinTooFast, lambda a, s: (a, replace(s, last_spin_at=NOW - timedelta(seconds=1)))),
    (HourlyLimitReached, lambda a, s: (a, replace(s, used=100, oldest_used_at=NOW - timedelta(minutes=59)))),
]


def _changed(user: User, **changes: Any) -> User:
    return person(**{name: getattr(user, name) for name in ("role", "verified_at", "terms_version")} | changes)


def test_an_open_way_leads_to_a_decision() -> None:
    assert isinstance(decide(request_for(), context_with(), LIMITS), Decision)


@pytest.mark.parametrize(("refusal", "close"), GATES, ids=[gate.__name__ for gate, _ in GATES])
def test_a_closed_gate_refuses(refusal: type[Refused], close: Closed) -> None:
    with pytest.raises(refusal):
        decide(*close(request_for(), context_with()), LIMITS)


@pytest.mark.parametrize("first", range(len(GATES)), ids=[gate.__name__ for gate, _ in GATES])
def test_the_first_closed_gate_answers_even_when_all_after_it_are_closed(first: int) -> None:
    request, context = request_for(), context_with()
    for _, close in GATES[first:]:
        request, context = close(request, context)

    with pytest.raises(GATES[first][0]):
        decide(request, context, LIMITS)


def test_no_active_paytable_closes_the_game() -> None:
    with pytest.raises(GameDisabled):
        decide(request_for(), context_with(table=None, paytable_id=None), LIMITS)


def test_the_interval_ends_to_the_microsecond() -> None:
    early = context_with(last_spin_at=NOW - timedelta(milliseconds=2_500) + timedelta(microseconds=1))

    with pytest.raises(SpinTooFast) as refused:
        decide(request_for(), early, LIMITS)

    assert refused.value.retry_after_s == pytest.approx(1e-6)
    assert decide(request_for(), context_with(last_spin_at=NOW - timedelta(milliseconds=2_500)), LIMITS)


def test_the_hourly_limit_names_when_the_next_spin_is_free() -> None:
    oldest = NOW - timedelta(minutes=59)

    with pytest.raises(HourlyLimitReached) as refused:
        decide(request_for(), context_with(used=100, oldest_used_at=oldest), LIMITS)

    assert refused.value.retry_after_s == 60
    assert refused.value.details == {"limit": 100, "used": 100, "resetsAt": oldest + HOUR}


def test_the_last_spin_of_the_hour_leaves_none() -> None:
    decision = decide(request_for(), context_with(used=99, oldest_used_at=NOW - timedelta(minutes=1)), LIMITS)

    assert decision.spins_left == 0


def test_limits_that_are_off_refuse_nothing_and_count_nothing() -> None:
    decision = decide(request_for(), context_with(last_spin_at=NOW, used=0), OFF)

    assert decision.spins_left is None


def test_a_refused_bet_names_the_allowed_ones() -> None:
    with pytest.raises(InvalidBet) as refused:
        decide(request_for(bet=200), context_with(), LIMITS)

    assert refused.value.details == {"allowed": [100]}


@pytest.mark.parametrize(("given", "used"), [(None, "kept"), ("", ""), ("new", "new")])
def test_the_client_seed_defaults_to_the_stored_one(given: str | None, used: str) -> None:
    assert decide(request_for(client_seed=given), context_with(), LIMITS).client_seed == used


def test_a_session_goes_on_until_thirty_idle_minutes() -> None:
    began = NOW - timedelta(hours=1)
    going_on = context_with(
        session_started_at=began, session_net=-500, last_spin_at=NOW - SESSION_IDLE + timedelta(microseconds=1)
    )
    over = replace(going_on, last_spin_at=NOW - SESSION_IDLE)

    continued, afresh = (decide(request_for(), context, LIMITS) for context in (going_on, over))

    net = continued.drawn.payout - 100
    assert (continued.session.started_at, continued.session.net_points) == (began, -500 + net)
    assert (afresh.session.started_at, afresh.session.net_points) == (NOW, net)
    assert (continued.session.reality_at, afresh.session.reality_at) == (began, NOW)
