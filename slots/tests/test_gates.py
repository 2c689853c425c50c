"""The gates close in the order that is promised, each with its code, and a decision follows from what was loaded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Role
from accounts.services import Caller
from compliance.errors import (
    AgeVerificationFailed,
    AgeVerificationRequired,
    GameDisabled,
    JurisdictionBlocked,
    RealityCheckDue,
    RoleNotAllowed,
    SelfExcluded,
    SpendLimitReached,
    TermsNotAccepted,
    TimedOut,
)
from compliance.services import Standing
from core.errors import NotFound, Refused
from core.ids import new_id
from slots.chain import genesis
from slots.draw import commitment
from slots.errors import CommitmentStale, HourlyLimitReached, InvalidBet, PaytableChanged, SpinTooFast
from slots.gates import (
    HOUR,
    REALITY_EVERY,
    SESSION_IDLE,
    WINDOWS,
    Decision,
    Limits,
    Spending,
    SpinContext,
    SpinRequest,
    decide,
)
from slots.tests.test_draw import CLASSIC, SEED

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LIMITS = Limits(min_interval=timedelta(milliseconds=2_500), spins_per_hour=100, caps=(10_000, 40_000, 120_000))
OFF = Limits(min_interval=timedelta(0), spins_per_hour=0, caps=(None, None, None))


FRESH = Spending(nonce=3, at=None, staked=300, limit=None, other=0, frees_at=None)
USER = Caller(new_id(), Role.USER, NOW, 1, is_active=True, must_change_password=False, password="", epoch=0)
STANDING = Standing(
    caller=USER,
    now=NOW,
    date_of_birth=date(1990, 1, 1),
    is_rejected=False,
    is_excluded=False,
    excluded_until=None,
    timed_out_until=None,
    region="HERE",
    policy_version=1,
    slots=True,
    wheel=True,
    minimum_age=18,
    current_terms=1,
    day_limit=None,
    week_limit=None,
    month_limit=None,
)


def request_for(**changes: Any) -> SpinRequest:
    usual: dict[str, Any] = {
        "standing": STANDING,
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
        "session_nonce": None,
        "session_staked": 0,
        "spending": (FRESH, FRESH, FRESH),
        "used": 0,
        "oldest_used_at": None,
    }
    return SpinContext(**{**usual, **changes})


Closed = Callable[[SpinRequest, SpinContext], tuple[SpinRequest, SpinContext]]
GATES: list[tuple[type[Refused], Closed]] = [
    (RoleNotAllowed, lambda a, s: (_of(a, role=Role.PERFORMER), s)),
    (NotFound, lambda a, s: (a, replace(s, performer_known=False))),
    (GameDisabled, lambda a, s: (a, replace(s, enabled=False))),
    (SelfExcluded, lambda a, s: (_standing(a, is_excluded=True), s)),
    (TimedOut, lambda a, s: (_standing(a, timed_out_until=NOW + HOUR), s)),
    (AgeVerificationRequired, lambda a, s: (_of(a, verified_at=None), s)),
    (AgeVerificationFailed, lambda a, s: (_standing(a, date_of_birth=date(2008, 11, 26)), s)),
    (JurisdictionBlocked, lambda a, s: (_standing(a, slots=False), s)),
    (TermsNotAccepted, lambda a, s: (_of(a, terms_version=0), s)),
    (PaytableChanged, lambda a, s: (replace(a, paytable_digest=bytes(32)), s)),
    (CommitmentStale, lambda a, s: (replace(a, commitment=bytes(32)), s)),
    (InvalidBet, lambda a, s: (replace(a, bet=99), s)),
    (
        RealityCheckDue,
        lambda a, s: (
            a,
            replace(
                s,
                session_started_at=NOW - HOUR,
                last_spin_at=NOW - timedelta(seconds=5),
                reality_at=NOW - REALITY_EVERY,
            ),
        ),
    ),
    (SpinTooFast, lambda a, s: (a, replace(s, last_spin_at=NOW - timedelta(seconds=1)))),
    (HourlyLimitReached, lambda a, s: (a, replace(s, used=100, oldest_used_at=NOW - timedelta(minutes=59)))),
    (SpendLimitReached, lambda a, s: (a, replace(s, spending=(FRESH, FRESH._replace(limit=99), FRESH)))),
]


def _standing(request: SpinRequest, **changes: Any) -> SpinRequest:
    return replace(request, standing=request.standing._replace(**changes))


def _of(request: SpinRequest, **changes: Any) -> SpinRequest:
    return _standing(request, caller=replace(request.standing.caller, **changes))


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
        reality_at=NOW - timedelta(minutes=9),
        session_started_at=began,
        session_net=-500,
        session_nonce=1,
        session_staked=200,
        last_spin_at=NOW - SESSION_IDLE + timedelta(microseconds=1),
    )
    over = replace(going_on, last_spin_at=NOW - SESSION_IDLE)

    continued, afresh = (decide(request_for(), context, LIMITS) for context in (going_on, over))

    net = continued.drawn.payout - 100
    assert (continued.session.started_at, continued.session.net_points) == (began, -500 + net)
    assert (afresh.session.started_at, afresh.session.net_points) == (NOW, net)
    assert (continued.session.reality_at, afresh.session.reality_at) == (NOW - timedelta(minutes=9), NOW)
    assert (continued.session.nonce, continued.session.staked_points) == (1, 300)
    assert (afresh.session.nonce, afresh.session.staked_points) == (3, 100)


def test_a_reality_check_is_due_to_the_microsecond_and_names_time_and_result() -> None:
    playing = context_with(
        session_started_at=NOW - timedelta(minutes=45),
        session_net=-1_150,
        last_spin_at=NOW - timedelta(minutes=1),
        reality_at=NOW - REALITY_EVERY + timedelta(microseconds=1),
    )
    assert decide(request_for(), playing, LIMITS).session.reality_at == playing.reality_at

    with pytest.raises(RealityCheckDue) as refused:
        decide(request_for(), replace(playing, reality_at=NOW - REALITY_EVERY), LIMITS)
    assert refused.value.details == {"elapsedSeconds": 2_700, "netPoints": -1_150}


def test_a_last_spin_in_the_future_is_past_its_interval_and_its_session_over() -> None:
    ahead = context_with(session_started_at=NOW, reality_at=NOW - HOUR, last_spin_at=NOW + timedelta(seconds=1))

    assert decide(request_for(), ahead, LIMITS).session.started_at == NOW


@pytest.mark.parametrize(
    ("own", "cap", "scope"), [(1_000, 10_000, "user"), (None, 1_000, "operator"), (1_000, 1_000, "user")]
)
@pytest.mark.parametrize("place", range(3), ids=WINDOWS)
def test_the_lower_limit_of_a_window_refuses_what_would_pass_it(
    own: int | None, cap: int, scope: str, place: int
) -> None:
    caps: list[int | None] = [None, None, None]
    windows = [FRESH, FRESH, FRESH]
    caps[place], windows[place] = cap, FRESH._replace(staked=100, limit=own, other=700, frees_at=NOW + HOUR)
    limits = replace(LIMITS, caps=tuple(caps))
    full = context_with(spending=tuple(windows))

    assert decide(request_for(), full, limits).limits_left[place] == 0
    with pytest.raises(SpendLimitReached) as refused:
        decide(request_for(), replace(full, staked_total=301), limits)
    assert refused.value.details == {
        "currency": "POINT",
        "window": WINDOWS[place],
        "scope": scope,
        "limit": 1_000,
        "used": 901,
        "freesAt": NOW + HOUR,
    }


def test_without_limits_nothing_is_left_of_any() -> None:
    assert decide(request_for(), context_with(), OFF).limits_left == (None, None, None)
    assert decide(request_for(), context_with(), LIMITS).limits_left == (9_900, 39_900, 119_900)
