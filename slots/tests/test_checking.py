"""Figures are compared with the players' totals; each way in which they can differ is named; nothing is corrected."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from accounts.models import Role
from compliance.models import Marker
from escrow.services import snapshot
from slots import services
from slots.models import Figure, FigureCheck, Game, Hit, PlayDay, Tally
from slots.services import counting
from slots.services.checking import differences
from slots.tests.factories import play, player, state_of, winning
from slots.tests.test_verifying import tamper
from tests.racing import race
from tests.world import person
from xxxchat.pages.tests.visiting import html, visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Count every spin that is committed; no limits."""
    monkeypatch.setattr(counting, "MARGIN", timedelta(0))
    settings.SLOTS_MIN_INTERVAL_MS, settings.SLOTS_SPINS_PER_HOUR = 0, 0


def found() -> Counter[str]:
    with snapshot():
        return Counter(each.check for each in differences())


@pytest.fixture
def played() -> None:
    for _ in range(3):
        user = player()
        for _ in range(4):
            play(user=user)
        play(user=user, client_nonce=winning(user))
    services.count_spins()
    services.watch()


def test_without_a_spin_nothing_differs() -> None:
    assert services.check_figures() == 0
    assert (FigureCheck.objects.get().players, FigureCheck.objects.get().spins) == (0, 0)


def test_counted_spins_agree_and_uncounted_ones_are_left_out(played: None) -> None:
    assert services.check_figures() == 0

    newcomer = player()
    play(user=newcomer)
    assert services.check_figures() == 0
    services.count_spins()
    assert services.check_figures() == 0, "counted and not watched yet"

    assert list(FigureCheck.objects.order_by("id").values_list("players", "spins")) == [(3, 15), (3, 15), (4, 16)]
    assert not Marker.objects.exists()


def one_spin_more_on_a_day() -> None:
    PlayDay.objects.filter(user_id=PlayDay.objects.all()[:1].get().user_id).update(spins=6)


def a_player_less() -> None:
    tamper("DELETE FROM slots_slotstate WHERE user_id = %s", PlayDay.objects.all()[:1].get().user_id)


def a_point_paid_more() -> None:
    Figure.objects.update(paid=10**6)


def a_day_that_nobody_played() -> None:
    Figure.objects.update(day="2020-01-01")


def a_hit_less() -> None:
    hit = Hit.objects.all()[:1].get()
    Hit.objects.filter(kind=hit.kind).update(hits=hit.hits - 1)


def a_kind_that_no_paytable_has() -> None:
    hit = Hit.objects.all()[:1].get()
    Hit.objects.filter(kind=hit.kind).update(kind="unexplained")


def a_stake_less_in_the_return() -> None:
    Tally.objects.update(staked=1_400)


@pytest.mark.tampers
@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (one_spin_more_on_a_day, {"PLAYER": 1, "DAY": 1}),
        (a_player_less, {"PLAYER": 1}),
        (a_point_paid_more, {"DAY": 1, "HITS": 1, "RETURN": 1}),
        (a_day_that_nobody_played, {"DAY": 2, "HITS": 2}),
        (a_hit_less, {"HITS": 1}),
        (a_kind_that_no_paytable_has, {"HITS": 1}),
        (a_stake_less_in_the_return, {"RETURN": 1}),
    ],
)
def test_what_differs_is_named_and_left_as_it_is(played: None, harm: Callable[[], None], named: dict[str, int]) -> None:
    harm()
    kept = [list(model.objects.values()) for model in (Figure, Hit, PlayDay, Tally)]

    assert services.check_figures() == sum(named.values())

    assert found() == named
    assert [list(model.objects.values()) for model in (Figure, Hit, PlayDay, Tally)] == kept
    check, marker = FigureCheck.objects.get(), Marker.objects.get()
    assert check.first.split()[0] in named
    assert (marker.kind, marker.facts["first"], marker.facts["differences"]) == (
        "figures_differ",
        check.first,
        check.differences,
    )


@pytest.mark.tampers
def test_the_same_differences_again_count_once(played: None) -> None:
    a_stake_less_in_the_return()

    for _ in range(2):
        services.check_figures()

    assert Marker.objects.get().count == 1
    assert FigureCheck.objects.count() == 2


def test_a_return_that_is_counted_anew_is_compared_with_its_spins(played: None) -> None:
    user = player()
    first = play(user=user).spin
    Game.objects.update(counted_from=first.id)
    play(user=user)
    services.count_spins()
    services.watch()
    assert Tally.objects.get(counted_from=first.id).spins == 2
    assert services.check_figures() == 0

    Tally.objects.filter(counted_from=first.id).update(paid=7)
    assert found() == {"RETURN": 1}


def test_spins_and_rounds_meanwhile_make_no_difference() -> None:
    users = [player() for _ in range(3)]

    def spins(user: Any) -> list[int]:
        return [state_of(user).nonce for _ in range(12) if play(user=user)]

    def rounds() -> list[int]:
        return [services.count_spins() for _ in range(12)]

    def checks() -> list[int]:
        return [services.check_figures() for _ in range(12)]

    *_, checked = race(*[lambda user=user: spins(user) for user in users], rounds, services.watch, checks)

    assert checked == [0] * 12


def test_control_two_looks_without_one_snapshot_see_a_difference() -> None:
    user = player()
    play(user=user)
    services.count_spins()

    said = state_of(user).nonce
    play(user=user)
    services.count_spins()
    counted = sum(PlayDay.objects.values_list("spins", flat=True))

    assert (said, counted) == (1, 2)


def test_checks_are_records(played: None) -> None:
    services.check_figures()

    for change in ("UPDATE slots_figurecheck SET differences = 0", "DELETE FROM slots_figurecheck"):
        with pytest.raises(IntegrityError), connection.cursor() as cursor:
            cursor.execute(change)


@pytest.mark.tampers
def test_the_statistics_page_and_the_metrics_tell(played: None) -> None:
    games = visitor(person(role=Role.GAMES))
    page = "/admin/slots/spin/statistics/"
    assert "they were not yet" in html(games.get(page))
    assert "xxxchat_figures_differing 0.0" not in Client().get("/metrics").content.decode()

    services.check_figures()
    assert "All figures agree with the running totals of 3 players (15 spins)" in html(games.get(page))
    assert "xxxchat_figures_differing 0.0" in Client().get("/metrics").content.decode()

    a_stake_less_in_the_return()
    services.check_figures()
    shown = html(games.get(page))
    assert "Figures differ from the players' running totals" in shown.replace("&#x27;", "'")
    assert "RETURN" in shown
    assert "xxxchat_figures_differing 1.0" in Client().get("/metrics").content.decode()
