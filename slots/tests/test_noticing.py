"""Markers of players: each at its border and one below, counted up, never twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from compliance.models import Marker
from compliance.services.markers import close_marker
from core.clock import db_now
from slots import services
from slots.luck import CHANCE, SPINS, classes_of, least_hits
from slots.models import PlayDay, SlotState, Spin
from slots.services import watching
from slots.services.noticing import RAPID_SPINS, RAPID_WITHIN
from slots.services.paytables import active_paytable, par_of
from slots.tests.factories import approved_paytable, play, player
from slots.tests.planting import count_all, plant, watch_all
from tests.world import person, staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]
PACE = RAPID_WITHIN / (RAPID_SPINS - 1)
"""Between spins of which 50 take just 150 seconds."""
TICK = timedelta(microseconds=1)


@pytest.fixture
def alice() -> User:
    return person()


def markers(kind: str) -> list[tuple[Any, int]]:
    return list(Marker.objects.filter(kind=kind, state="open").values_list("user_id", "count"))


# --- rapid play ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("spins", "slower", "found"),
    [
        (RAPID_SPINS, timedelta(0), 1),
        (RAPID_SPINS - 1, timedelta(0), 0),
        (RAPID_SPINS, TICK, 0),
    ],
)
def test_50_spins_in_150_seconds_are_rapid(alice: User, spins: int, slower: timedelta, found: int) -> None:
    start = db_now()
    plant(alice, [0] * (spins - 1), at=start, every=PACE)
    plant(alice, [0], nonce=spins - 1, at=start + RAPID_WITHIN + slower)

    watch_all()

    assert markers("rapid_play") == [(alice.pk, 1)] * found


def test_an_episode_counts_once_wherever_rounds_end_and_the_next_one_again(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST_SPINS", 7)
    start, fast = db_now(), timedelta(seconds=2.5)
    plant(alice, [0] * 120, at=start, every=fast)
    for _ in range(3):
        watch_all()
    assert markers("rapid_play") == [(alice.pk, 1)]
    facts = Marker.objects.get().facts
    assert (facts["spins"], facts["seconds"]) == (50, 122.5)

    plant(alice, [0] * 60, nonce=120, at=start + timedelta(hours=1), every=fast)
    watch_all()

    assert markers("rapid_play") == [(alice.pk, 2)]


def test_two_players_of_half_the_pace_are_not_one_of_the_whole(alice: User) -> None:
    start = db_now()
    for user in (alice, person()):
        plant(user, [0] * RAPID_SPINS, at=start, every=2 * PACE)

    watch_all()

    assert not Marker.objects.exists()


# --- improbable luck ----------------------------------------------------------------------------------------
TOP = 250_000


def test_the_top_award_twice_in_a_thousand_spins_is_marked_and_once_is_not(alice: User) -> None:
    plant(alice, [*[0] * 10, TOP])
    watch_all()
    assert markers("improbable_luck") == []
    plant(alice, [*[0] * 20, TOP], nonce=11)
    watch_all()

    marker = Marker.objects.get(kind="improbable_luck")
    assert (marker.user_id, marker.count) == (alice.pk, 1)
    assert marker.facts == {
        "seen": str(Spin.objects.get(nonce=31).pk), "paytable": "classic-95 v1", "pay": TOP, "tickets": 1,
        "of": 8_000_000,
        "spins": 32, "hits": 2, "least": 2,
    }  # fmt: skip
    plant(alice, [TOP], nonce=32)
    watch_all()
    assert markers("improbable_luck") == [(alice.pk, 2)]


@pytest.mark.parametrize(("short", "found"), [(0, 1), (1, 0)])
def test_a_class_of_awards_is_marked_at_its_exact_bound(alice: User, short: int, found: int) -> None:
    lowest = classes_of(par_of(active_paytable().canonical))[-1]
    assert CHANCE.denominator == 10**8
    least = least_hits(200, lowest.tickets, lowest.of)

    plant(alice, [*[0] * (200 - least + short), *[lowest.pay] * (least - short)])
    watch_all()

    assert markers("improbable_luck") == [(alice.pk, 1)] * found


def test_only_the_last_thousand_spins_of_the_same_player_and_paytable_count(alice: User) -> None:
    plant(alice, [TOP, *[0] * (SPINS - 1), TOP])
    plant(person(), [TOP])
    watch_all()
    assert markers("improbable_luck") == []
    other = approved_paytable()
    plant(alice, [TOP], nonce=SPINS + 1, paytable=other)
    watch_all()
    assert markers("improbable_luck") == [], "one by each paytable"
    plant(alice, [TOP], nonce=SPINS + 2)
    watch_all()

    assert markers("improbable_luck") == [(alice.pk, 1)]


# --- long days ----------------------------------------------------------------------------------------------
DAY = datetime(2026, 3, 10, 12, tzinfo=UTC)


def played(user: User, seconds: int, *, day: datetime = DAY) -> None:
    PlayDay.objects.update_or_create(
        day=day.date(),
        user_id=user.pk,
        defaults={"spins": 90, "seconds_played": seconds, "staked": 9_000, "paid": 0},
    )


@pytest.mark.parametrize(("seconds", "found"), [(10_800, 0), (10_801, 1)])
def test_more_than_three_hours_a_day_are_marked(alice: User, seconds: int, found: int) -> None:
    played(alice, seconds)
    plant(alice, [0], at=DAY)

    watch_all()

    assert markers("long_day") == [(alice.pk, 1)] * found


def test_each_further_hour_counts_up_and_a_closed_day_stays_closed_within_it(alice: User) -> None:
    for nonce, seconds in enumerate((10_801, 11_000, 14_400, 14_401)):
        played(alice, seconds)
        plant(alice, [0], nonce=nonce, at=DAY)
        watch_all()
    assert markers("long_day") == [(alice.pk, 2)]
    marker = Marker.objects.get()
    assert (marker.subject, marker.facts["hours"], marker.facts["staked"]) == ("2026-03-10", 4, 9_000)

    close_marker(marker_id=marker.pk, reason="Spoke to them", actor=staff())
    plant(alice, [0], nonce=4, at=DAY)
    watch_all()
    assert markers("long_day") == []
    played(alice, 18_000)
    plant(alice, [0], nonce=5, at=DAY)
    watch_all()
    assert markers("long_day") == [(alice.pk, 1)]


def test_the_day_before_is_seen_with_the_first_spin_after_midnight(alice: User) -> None:
    played(alice, 10_900)
    played(alice, 60, day=DAY + timedelta(days=1))
    plant(alice, [0], at=DAY.replace(hour=0) + timedelta(days=1))

    watch_all()

    assert list(Marker.objects.values_list("subject", flat=True)) == ["2026-03-10"]


def test_who_did_not_play_now_is_not_looked_at(alice: User) -> None:
    played(alice, 20_000)
    plant(person(), [0], at=DAY)

    watch_all()

    assert markers("long_day") == []


# --- a stake right after a reality check --------------------------------------------------------------------
def answered(user: User, at: datetime) -> None:
    SlotState.objects.update_or_create(
        user_id=user.pk,
        defaults={
            "acknowledged_at": at,
            "commitment": bytes(32),
            "sealed_seed": bytes(60),
            "chain": bytes(32),
        },
    )


@pytest.mark.parametrize(
    ("after", "found"),
    [(timedelta(0), 1), (timedelta(seconds=10), 1), (timedelta(seconds=10) + TICK, 0), (-TICK, 0)],
)
def test_a_stake_within_ten_seconds_of_a_reality_check_is_marked(alice: User, after: timedelta, found: int) -> None:
    start = db_now()
    answered(alice, start)
    plant(alice, [0], at=start + after)

    watch_all()

    assert markers("stake_after_check") == [(alice.pk, 1)] * found


def test_only_the_first_spin_after_a_check_counts_and_the_next_check_again(alice: User) -> None:
    start = db_now()
    plant(alice, [0], at=start - timedelta(minutes=1))
    answered(alice, start)
    plant(alice, [0, 0, 0], nonce=1, at=start + timedelta(seconds=2), every=timedelta(seconds=3))
    watch_all()
    assert markers("stake_after_check") == [(alice.pk, 1)]
    assert Marker.objects.get().facts["seconds"] == 2.0

    later = start + timedelta(minutes=30)
    answered(alice, later)
    plant(alice, [0, 0], nonce=4, at=later + timedelta(seconds=9), every=timedelta(seconds=1))
    watch_all()

    assert markers("stake_after_check") == [(alice.pk, 2)]


# --- together -----------------------------------------------------------------------------------------------
def test_spins_of_the_machine_are_watched_by_the_figures_rounds(
    clock: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is planted: spins are played, a check answered, days counted, and the rounds run as beat runs them."""
    settings.LIMIT_CAPS_POINT = [0, 0, 0]
    monkeypatch.setattr("slots.services.counting.MARGIN", timedelta(seconds=-5))
    user = player()
    play(user=user)
    for _ in range(8):
        clock.shift(minutes=25)
        play(user=user)
        services.answer_reality_check(user=user)
    clock.shift(seconds=5)
    play(user=user)

    assert services.count_spins() == 10
    assert services.watch() == 10

    assert dict(Marker.objects.values_list("kind", "count")) == {"long_day": 1, "stake_after_check": 1} or (
        crosses_midnight(user)
    )


def crosses_midnight(user: User) -> bool:
    """Whether the 200 minutes lie on two days, so that neither has more than 3 hours."""
    days = PlayDay.objects.filter(user_id=user.pk)
    return len(days) == 2 and Marker.objects.filter(kind="stake_after_check").count() == 1


def test_a_round_of_many_spins_runs_as_many_statements_as_one_of_few(alice: User) -> None:
    costs = []
    for nonce, spins in ((0, 3), (3, 300), (303, 3)):
        plant(alice, [0] * spins, nonce=nonce, every=timedelta(seconds=30))
        count_all()
        with CaptureQueriesContext(connection) as run:
            services.watch()
        costs.append(len(run))

    assert costs[1] == costs[2] <= costs[0] + 1
