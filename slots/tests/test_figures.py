"""Figures of days: the same before, between and after rounds, beside an oracle; their shape and doors in the API."""

import json
import math
from collections import Counter
from datetime import UTC, date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from accounts.models import Role
from core.clock import db_now
from core.ids import new_id
from slots import services
from slots.expected import KindExpectation, binomial_range
from slots.models import Aggregated, Paytable, Spin
from slots.par import kind_of
from slots.services import counting
from slots.services.figures import MOST_DAYS
from slots.services.paytables import active_paytable, par_of, table_of
from slots.tests.factories import play, player, post_spin, stored_paytable
from slots.tests.spun import NOON, scattered, spun
from tests.racing import race
from tests.world import client_of, person

pytestmark = pytest.mark.django_db(transaction=True)
STATS = "/api/v1/admin/slot-machine/stats"
MEMBERS = ["spins", "staked", "paid", "rtp", "expectedRtp", "band99", "z", "kinds", "days"]
FIRST, LAST = NOON.date() + timedelta(days=1), NOON.date() + timedelta(days=2)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MARGIN", timedelta(seconds=-1))


def oracle(first: date, last: date) -> dict[str, Any]:
    """The figures of a span, one spin at a time."""
    tables = {each.pk: each.canonical for each in Paytable.objects.all()}
    spins = [spin for spin in Spin.objects.all() if first <= spin.at.astimezone(UTC).date() <= last]
    pars = [par_of(tables[spin.paytable_id]) for spin in spins]
    expected: Counter[str] = Counter()
    for par in pars:
        for odds in par.odds:
            expected[odds.kind] += Fraction(odds.tickets, odds.of)  # type: ignore[assignment]
    hits = Counter(kind_of(table_of(tables[spin.paytable_id]), tuple(spin.symbols)) for spin in spins if spin.payout)
    mean = sum((spin.bet * par.rtp for spin, par in zip(spins, pars, strict=True)), Fraction(0))
    variance = sum((spin.bet**2 * par.variance for spin, par in zip(spins, pars, strict=True)), Fraction(0))
    staked, paid = sum(spin.bet for spin in spins), sum(spin.payout for spin in spins)
    days = [first + timedelta(days=after) for after in range((last - first).days + 1)]
    return {
        "rtp": Fraction(paid, staked),
        "expected": mean / staked,
        "z": float(paid - mean) / math.sqrt(variance),
        "low": float(mean / staked) - 2.5758293035489 * math.sqrt(variance) / staked,
        "kinds": {kind: (hits[kind], expected[kind]) for kind in expected},
        "days": [
            (
                day,
                len(of_day := [spin for spin in spins if spin.at.astimezone(UTC).date() == day]),
                len({spin.user_id for spin in of_day}),
                sum(spin.bet for spin in of_day),
                sum(spin.payout for spin in of_day),
            )
            for day in days
        ],
    }


def agrees(first: date = FIRST, last: date = LAST) -> bool:
    found, true = services.stats(first=first, last=last), oracle(first, last)
    assert found.rtp == true["rtp"]
    assert found.expected_rtp == true["expected"]
    assert found.z == pytest.approx(true["z"])
    assert found.band99 is not None
    assert found.band99[0] == pytest.approx(true["low"])
    assert {each.kind: (each.hits, each.expected) for each in found.kinds} == true["kinds"]
    assert [(each.day, each.spins, each.players, each.staked, each.paid) for each in found.days] == true["days"]
    return True


def test_figures_are_the_same_before_between_and_after_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    scattered(200, seed=11)
    monkeypatch.setattr(counting, "SPINS_A_ROUND", 30)
    monkeypatch.setattr(counting, "ROUNDS", 1)

    assert agrees()
    for _ in range(7):
        services.count_spins()
        assert agrees()
    assert services.count_spins() == 0
    assert agrees(NOON.date(), NOON.date() + timedelta(days=30))


def test_a_reader_beside_rounds_misses_nothing_and_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    scattered(80, seed=12)
    monkeypatch.setattr(counting, "SPINS_A_ROUND", 2)
    first, last = NOON.date(), NOON.date() + timedelta(days=60)

    def read() -> set[tuple[int, int]]:
        found = [services.stats(first=first, last=last) for _ in range(25)]
        return {(each.spins, sum(kind.hits for kind in each.kinds)) for each in found}

    counted, *seen = race(services.count_spins, read, read)

    assert counted == 80
    assert seen[0] == seen[1] == {(80, Spin.objects.filter(payout__gt=0).count())}


def test_what_rounds_have_not_reached_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slots.services.figures.MOST_SINCE", 3)
    user, usual = new_id(), active_paytable()
    for nonce in range(5):
        spun(user, nonce, NOON, paytable=usual)

    partial = services.stats(first=NOON.date(), last=NOON.date())
    assert (partial.spins, partial.is_partial) == (3, True)
    services.count_spins()
    whole = services.stats(first=NOON.date(), last=NOON.date())
    assert (whole.spins, whole.is_partial) == (5, False)


@pytest.mark.parametrize(("spins", "is_partial"), [(2, False), (3, False), (4, True)])
def test_figures_are_partial_only_when_a_spin_is_missing(
    monkeypatch: pytest.MonkeyPatch, spins: int, is_partial: bool
) -> None:
    monkeypatch.setattr("slots.services.figures.MOST_SINCE", 3)
    user, usual = new_id(), active_paytable()
    for nonce in range(spins):
        spun(user, nonce, NOON, paytable=usual)

    assert services.stats(first=NOON.date(), last=NOON.date()).is_partial is is_partial


def test_each_paytable_is_weighted_by_its_stakes() -> None:
    poorer = stored_paytable(pair=None)
    usual, user = active_paytable(), new_id()
    for nonce in range(4):
        spun(user, nonce, NOON, paytable=poorer if nonce == 3 else usual)

    found = services.stats(first=NOON.date(), last=NOON.date())

    assert found.expected_rtp == (3 * par_of(usual.canonical).rtp + par_of(poorer.canonical).rtp) / 4 < Fraction(19, 20)
    assert found.days[0].players == 1
    assert [line.players for line in found.lines] == [1, 1]


def test_statements_do_not_grow_with_play(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        services.stats(first=NOON.date(), last=LAST)
    scattered(60, seed=13)
    with django_assert_num_queries(3):
        services.stats(first=NOON.date(), last=LAST)
    services.count_spins()
    scattered(60, seed=14)
    with django_assert_num_queries(3):
        services.stats(first=NOON.date(), last=LAST)


# --- what is to be expected ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("spins", "chance"), [(1, 0.5), (40, 0.1), (400, 0.012), (5_000, 0.00001), (30, 0.0)])
def test_few_hits_have_the_exact_binomial_range(spins: int, chance: float) -> None:
    share = Fraction(chance)
    mass = [math.comb(spins, hits) * share**hits * (1 - share) ** (spins - hits) for hits in range(min(spins, 60) + 1)]
    least = next(hits for hits in range(len(mass)) if sum(mass[: hits + 1]) >= Fraction(5, 1_000))
    most = next(hits for hits in range(len(mass)) if sum(mass[: hits + 1]) >= Fraction(995, 1_000))

    assert binomial_range(spins, chance) == (least, most)


def test_many_hits_have_the_range_of_the_normal_curve() -> None:
    low, high = KindExpectation.of(spins=10_000, chance=Fraction(1, 2)).range()

    assert [low, high] == pytest.approx([5_000 - 128.79, 5_000 + 128.79], abs=0.01)


# --- the endpoint -------------------------------------------------------------------------------------------


def asked(query: str = "", *, role: str = Role.GAMES) -> Any:
    return client_of(person(role=role)).get(f"{STATS}{query}")


def test_three_spins_are_three_spins_at_once() -> None:
    user = player()
    for _ in range(3):
        assert post_spin(client_of(user)).status_code == 200
    today = db_now().astimezone(UTC).date()

    response = asked(f"?from={today}&to={today}")

    answer = json.loads(response.content)
    paid = sum(spin.payout for spin in Spin.objects.all())
    assert response.status_code == 200
    assert list(answer) == MEMBERS
    assert (answer["spins"], answer["staked"], answer["paid"]) == (3, 300, paid)
    assert (Fraction(answer["rtp"]), answer["expectedRtp"]) == (Fraction(paid, 300), "19/20")
    assert answer["days"] == [{"date": str(today), "spins": 3, "players": 1, "staked": 300, "paid": paid}]
    assert answer["band99"][0] < 0.95 < answer["band99"][1]
    assert isinstance(answer["z"], float)
    odds = {odds.kind: 3 * odds.tickets / odds.of for odds in par_of(active_paytable().canonical).odds}
    assert {each["kind"]: each["expected"] for each in answer["kinds"]} == pytest.approx(odds)
    assert sum(each["hits"] for each in answer["kinds"]) == Spin.objects.filter(payout__gt=0).count()
    services.count_spins()
    assert json.loads(asked(f"?from={today}&to={today}").content) == answer


def test_days_without_play_have_noughts_and_no_return() -> None:
    answer = json.loads(asked("?from=2026-01-01&to=2026-01-02").content)

    assert [each["date"] for each in answer["days"]] == ["2026-01-01", "2026-01-02"]
    assert {name: answer[name] for name in MEMBERS[:8]} == {
        **dict.fromkeys(("spins", "staked", "paid"), 0),
        **dict.fromkeys(("rtp", "expectedRtp", "band99", "z")),
        "kinds": [],
    }


def test_without_dates_it_is_thirty_days_to_today() -> None:
    play(user=player())

    answer = json.loads(asked().content)

    assert len(answer["days"]) == 30
    assert (answer["days"][-1]["date"], answer["days"][-1]["spins"]) == (str(db_now().astimezone(UTC).date()), 1)
    assert len(json.loads(asked("?to=2026-03-01").content)["days"]) == 30
    assert len(json.loads(asked(f"?from={db_now().date()}").content)["days"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?from=2026-02-30", "from"),
        ("?to=yesterday", "to"),
        ("?from=&to=", "from"),
        ("?from=2026-1-1", "from"),
        ("?from=2026-01-02&to=2026-01-01", "from"),
        ("?from=2025-01-01&to=2026-01-02", "from"),
        ("?from=0001-01-01", "from"),
        ("?from=2026-01-01&since=2026-01-01", "since"),
    ],
)
def test_days_that_are_none_are_refused(query: str, field: str) -> None:
    response = asked(query)

    answer = json.loads(response.content)
    assert response.status_code == 400, answer
    assert field in json.dumps(answer)


def test_a_leap_years_366_days_are_the_most() -> None:
    assert MOST_DAYS == 366
    assert asked("?from=2024-01-01&to=2024-12-31").status_code == 200
    assert asked("?from=2024-01-01&to=2025-01-01").status_code == 400
    assert asked("?from=9999-12-01&to=9999-12-31").status_code == 200
    assert len(json.loads(asked("?to=0001-01-05").content)["days"]) == 5


@pytest.mark.parametrize("role", Role.values)
def test_games_staff_and_auditors_may_read(role: str) -> None:
    status = asked(role=role).status_code

    assert status == (200 if role in {Role.GAMES, Role.ADMIN, Role.AUDITOR} else 403)


def test_an_empty_table_has_no_mark() -> None:
    services.count_spins()

    assert Aggregated.objects.filter(name=counting.NAME).exists()
    assert services.stats(first=FIRST, last=LAST).spins == 0
