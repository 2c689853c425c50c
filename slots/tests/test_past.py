"""A player's past: pages, days, totals, hits, one spin with its proof."""

from datetime import UTC, date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.errors import NotFound
from slots import services
from slots.draw import commitment
from slots.models import Spin
from slots.services import past
from slots.tests.factories import losing, play, player, winning
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)


def spun(outcomes: str) -> User:
    """A player with a spin for each letter, oldest first: w won, l lost."""
    user = player()
    for outcome in outcomes:
        play(user=user, client_nonce=winning(user) if outcome == "w" else losing(user))
    return user


def nonces(page: past.PastSpins) -> list[int]:
    return [spin.nonce for spin in page.spins]


def test_pages_follow_each_other_without_gap_or_repetition(monkeypatch: Any) -> None:
    monkeypatch.setattr(past, "PAGE_SPINS", 2)
    user = spun("lllll")
    stretch = services.stretch_of(user=user)

    pages = [services.past_spins(user=user, stretch=stretch)]
    while pages[-1].older is not None:
        pages.append(services.past_spins(user=user, stretch=stretch, before=pages[-1].older))

    assert [nonces(page) for page in pages] == [[4, 3], [2, 1], [0]]


def test_a_filter_looks_at_a_bounded_number_of_spins_and_says_how_far(monkeypatch: Any) -> None:
    monkeypatch.setattr(past, "SCANNED_SPINS", 3)
    user = spun("wllll")
    stretch = services.stretch_of(user=user)

    first = services.past_spins(user=user, stretch=stretch, wins=True)
    second = services.past_spins(user=user, stretch=stretch, wins=True, before=first.older)

    assert (nonces(first), first.older) == ([], 2)
    assert first.looked_to == Spin.objects.get(user_id=user.pk, nonce=2).at
    assert (nonces(second), second.older, second.looked_to) == ([0], None, None)


def test_wins_of_more_than_a_page_go_on_below_the_last_shown(monkeypatch: Any) -> None:
    monkeypatch.setattr(past, "PAGE_SPINS", 2)
    user = spun("wlww")
    stretch = services.stretch_of(user=user)

    first = services.past_spins(user=user, stretch=stretch, wins=True)
    second = services.past_spins(user=user, stretch=stretch, wins=True, before=first.older)

    assert (nonces(first), first.older, nonces(second), second.older) == ([3, 2], 2, [0], None)


def test_one_kind_of_win_shows_that_kind_alone() -> None:
    user = spun("wwwl")
    stretch = services.stretch_of(user=user)
    shown: dict[int, str] = {}

    for row in services.past_totals(user=user, stretch=stretch).kinds:
        found = nonces(services.past_spins(user=user, stretch=stretch, kind=row.kind))
        assert len(found) == row.hits
        shown |= dict.fromkeys(found, row.kind)

    assert sorted(shown) == [0, 1, 2]


def test_days_are_found_by_their_borders(clock: Clock) -> None:
    user = spun("l")
    clock.shift(days=2)
    play(user=user, client_nonce=losing(user))
    play(user=user, client_nonce=losing(user))
    first, second, _ = Spin.objects.filter(user_id=user.pk).order_by("nonce")
    day, later = first.at.astimezone(UTC).date(), second.at.astimezone(UTC).date()

    def of(**days: Any) -> tuple[int, int]:
        stretch = services.stretch_of(user=user, **days)
        return stretch.first, stretch.following

    assert of() == (0, 3)
    assert of(since=day, until=day) == (0, 1)
    assert of(since=day + timedelta(days=1)) == (1, 3)
    assert of(until=later) == (0, 3)
    assert services.stretch_of(user=user, since=later + timedelta(days=1)).spins == 0
    assert services.stretch_of(user=user, since=date.min, until=date.max).spins == 3


def test_totals_are_those_of_every_spin_of_the_stretch() -> None:
    user = spun("wlwl")
    rows = list(Spin.objects.filter(user_id=user.pk).order_by("nonce"))

    totals = services.past_totals(user=user, stretch=past.Stretch(1, 4))

    assert (totals.spins, totals.counted, totals.staked) == (3, 3, 300)
    assert totals.won == sum(row.payout for row in rows[1:])
    assert totals.net == totals.won - 300
    assert totals.biggest == past.BigWin(rows[2].id, rows[2].payout)
    assert sum(row.hits for row in totals.kinds) == 1


def test_expected_hits_are_the_odds_times_the_spins() -> None:
    user = spun("ll")

    kinds = services.past_totals(user=user, stretch=services.stretch_of(user=user)).kinds

    odds = {row.kind: Fraction(2 * row.tickets, row.of) for row in services.config().par.odds}
    assert {row.kind: row.expected for row in kinds} == odds
    assert [row.expected for row in kinds] == sorted(row.expected for row in kinds)


def test_hits_are_counted_in_the_newest_spins_alone(monkeypatch: Any) -> None:
    monkeypatch.setattr(past, "COUNTED_SPINS", 2)
    user = spun("wll")

    totals = services.past_totals(user=user, stretch=services.stretch_of(user=user))

    assert (totals.spins, totals.counted, totals.biggest) == (3, 2, None)
    assert totals.won > 0
    assert sum(row.hits for row in totals.kinds) == 0


def test_who_never_spun_has_nothing() -> None:
    user = player()

    stretch = services.stretch_of(user=user)

    assert services.past_totals(user=user, stretch=stretch) == services.Totals()
    assert services.past_spins(user=user, stretch=stretch).spins == []


def test_a_spins_seal_was_published_by_the_spin_before_it() -> None:
    user = spun("lll")
    first, second, third = Spin.objects.filter(user_id=user.pk).order_by("nonce")

    proven = services.proven_spin(user=user, spin_id=second.id)

    assert proven.sealed_before == commitment(bytes(second.seed)) == bytes(first.next_commitment)
    assert (proven.earlier, proven.later) == (first.id, third.id)
    assert services.proven_spin(user=user, spin_id=first.id).sealed_before is None


def test_nobody_reads_the_spin_of_another() -> None:
    mine, theirs = spun("l"), spun("l")

    with pytest.raises(NotFound):
        services.proven_spin(user=theirs, spin_id=Spin.objects.get(user_id=mine.pk).id)
    with pytest.raises(NotFound):
        services.proven_spin(user=mine, spin_id=UUID(int=0))


def test_a_page_and_its_totals_cost_the_same_however_much_was_played() -> None:
    user = spun("w")

    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            stretch = services.stretch_of(user=user)
            services.past_totals(user=user, stretch=stretch)
            services.past_spins(user=user, stretch=stretch)
        return len(seen)

    few = cost()
    for _ in range(4):
        play(user=user, client_nonce=winning(user))

    assert cost() == few <= 6
