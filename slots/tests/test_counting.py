"""Rounds count every stored spin once: two at once, after a crash, with commits that come late; beside an oracle."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from core.clock import db_now
from core.db import command, rows
from core.ids import NIL, new_id
from slots import services
from slots.models import Aggregated, Figure, Hit, Paytable, PlayDay, SlotState, Spin
from slots.par import kind_of
from slots.services import counting
from slots.services.paytables import active_paytable, table_of
from slots.tasks import count_spins
from slots.tests.factories import approved_paytable, losing, play, player, winning
from slots.tests.spun import NOON, scattered, spun
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
IDLE = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count spins made this second too: the clocks of a test are one clock."""
    monkeypatch.setattr(counting, "MARGIN", timedelta(seconds=-1))


def figures() -> dict[tuple[date, UUID], tuple[int, ...]]:
    return {
        (each.day, each.paytable_id): (each.spins, each.players, each.staked, each.paid)
        for each in Figure.objects.all()
    }


def hits() -> dict[tuple[date, UUID, str], int]:
    return {(each.day, each.paytable_id, each.kind): each.hits for each in Hit.objects.all()}


def play_days() -> dict[tuple[date, UUID], tuple[int, ...]]:
    return {
        (each.day, each.user_id): (each.spins, each.seconds_played, each.staked, each.paid)
        for each in PlayDay.objects.all()
    }


class Oracle:
    """The same figures, counted one spin at a time from the table of spins."""

    def __init__(self) -> None:
        self.figures: dict[tuple[date, UUID], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self.hits: Counter[tuple[date, UUID, str]] = Counter()
        self.days: dict[tuple[date, UUID], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        seen: set[tuple[date, UUID, UUID]] = set()
        before: dict[UUID, datetime] = {}
        tables = {each.pk: table_of(each.canonical) for each in Paytable.objects.all()}
        for spin in Spin.objects.order_by("user_id", "nonce"):
            day = spin.at.astimezone(UTC).date()
            new = (day, spin.paytable_id, spin.user_id) not in seen
            seen.add((day, spin.paytable_id, spin.user_id))
            self._add(self.figures[day, spin.paytable_id], 1, int(new), spin.bet, spin.payout)
            self._add(self.days[day, spin.user_id], 1, 0, spin.bet, spin.payout)
            if spin.payout:
                self.hits[day, spin.paytable_id, kind_of(tables[spin.paytable_id], tuple(spin.symbols))] += 1
            self._play(spin.user_id, before.get(spin.user_id), spin.at)
            before[spin.user_id] = spin.at

    def _play(self, user_id: UUID, since: datetime | None, until: datetime) -> None:
        """Add the seconds between two spins to the days in which they lie, second by second."""
        if since is None or not timedelta(0) <= until - since < IDLE:
            return
        for second in range(int(since.timestamp()), int(until.timestamp())):
            self.days[datetime.fromtimestamp(second, UTC).date(), user_id][1] += 1

    @staticmethod
    def _add(row: list[int], *more: int) -> None:
        for place, each in enumerate(more):
            row[place] += each

    def agrees(self) -> bool:
        assert figures() == {key: tuple(row) for key, row in self.figures.items()}
        assert hits() == dict(self.hits)
        assert play_days() == {key: tuple(row) for key, row in self.days.items()}
        return True


@pytest.mark.parametrize("spins_a_round", [1_000, 37, 1])
def test_rounds_of_any_size_agree_with_an_oracle(monkeypatch: pytest.MonkeyPatch, spins_a_round: int) -> None:
    monkeypatch.setattr(counting, "SPINS_A_ROUND", spins_a_round)
    monkeypatch.setattr(counting, "ROUNDS", 1_000)
    scattered(150, seed=spins_a_round)

    assert count_spins() == 150
    assert count_spins() == 0
    assert Oracle().agrees()


def test_what_comes_later_is_added_to_what_is_counted() -> None:
    user, table = new_id(), active_paytable()
    spun(user, 0, NOON, paytable=table)
    assert count_spins() == 1
    spun(user, 1, NOON + timedelta(seconds=100), paytable=table, symbols=("plum", "plum", "plum"))

    assert count_spins() == 1
    assert figures()[NOON.date(), table.pk][:2] == (2, 1)
    assert play_days()[NOON.date(), user][:2] == (2, 100)
    assert Oracle().agrees()


@pytest.mark.parametrize(("gap", "seconds"), [(IDLE - timedelta(seconds=1), 1_799), (IDLE, 0)])
def test_thirty_idle_minutes_are_not_played(gap: timedelta, seconds: int) -> None:
    user, table = new_id(), active_paytable()
    spun(user, 0, NOON, paytable=table)
    spun(user, 1, NOON + gap, paytable=table)

    count_spins()

    assert play_days()[NOON.date(), user][1] == seconds


def test_a_session_over_midnight_is_played_on_two_days() -> None:
    user, table = new_id(), active_paytable()
    evening = NOON.replace(hour=23, minute=50)
    spun(user, 0, evening, paytable=table)
    spun(user, 1, evening + timedelta(minutes=15), paytable=table)

    count_spins()

    assert play_days()[evening.date(), user][:2] == (1, 600)
    assert play_days()[evening.date() + timedelta(days=1), user][:2] == (1, 300)


def test_fractions_of_seconds_add_up() -> None:
    user, table = new_id(), active_paytable()
    for nonce in range(41):
        spun(user, nonce, NOON + timedelta(seconds=2.5 * nonce), paytable=table)

    count_spins()

    assert play_days()[NOON.date(), user][1] == 100


def test_spins_of_the_endpoint_are_counted_to_the_totals_of_their_states() -> None:
    lucky, other = player(), player()
    for user, nonce in ((lucky, winning(lucky)), (other, losing(other))):
        play(user=user, client_nonce=nonce)
    play(user=lucky)

    assert count_spins() == 3

    totals = SlotState.objects.values_list("nonce", "staked_total", "paid_total")
    counted = PlayDay.objects.values_list("spins", "staked", "paid")
    assert sorted(totals) == sorted(counted)
    assert Oracle().agrees()


def test_two_rounds_at_once_count_each_spin_once() -> None:
    scattered(60, seed=2)

    outcomes = race(*[services.count_spins] * 4)

    assert sum(outcomes) + count_spins() == 60
    assert Oracle().agrees()


def test_a_round_that_dies_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    scattered(20, seed=3)

    def dies(hits: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(counting, "_add_hits", dies)
        with pytest.raises(KeyboardInterrupt):
            command(counting.count_round)
    assert (figures(), hits(), play_days()) == ({}, {}, {})
    assert not Aggregated.objects.exclude(upto=NIL).exists()

    assert count_spins() == 20
    assert Oracle().agrees()


def test_a_paid_line_that_pays_nothing_does_not_stop_the_rounds() -> None:
    user, table = new_id(), approved_paytable()
    spun(user, 0, NOON, paytable=table)
    spun(user, 1, NOON, paytable=table, payout=5)

    assert count_spins() == 2
    assert hits() == {(NOON.date(), table.pk, counting.UNEXPLAINED): 1}


class LateCommit:
    """A spin on a connection of its own: stored, and committed when told."""

    def __init__(self, user_id: UUID, paytable: Paytable) -> None:
        self._stored, self._told = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(user_id, paytable))
        self._thread.start()
        assert self._stored.wait(10)

    def _run(self, user_id: UUID, paytable: Paytable) -> None:
        with transaction.atomic():
            rows("SELECT pg_current_xact_id()")
            spun(user_id, 0, db_now(), paytable=paytable)
            self._stored.set()
            self._told.wait(20)
        connection.close()

    def commit(self) -> None:
        self._told.set()
        self._thread.join()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Iterator[LateCommit]:
    monkeypatch.setattr(counting, "MARGIN", timedelta(0))
    begun = LateCommit(new_id(), active_paytable())
    spun(new_id(), 0, db_now(), paytable=active_paytable())
    threading.Event().wait(0.005)  # both ids lie before this millisecond
    yield begun
    begun.commit()


def test_a_spin_that_commits_late_is_counted(late: LateCommit) -> None:
    assert count_spins() == 0, "the other one came after the one that is open"

    late.commit()

    assert count_spins() == 2
    assert Oracle().agrees()


def test_a_naive_round_loses_the_spin_that_commits_late(late: LateCommit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_BOUND", "SELECT slots_id_floor(clock_timestamp() - %s) AS bound")
    assert count_spins() == 1

    late.commit()

    assert count_spins() == 0
    assert Spin.objects.count() == 2


def test_a_reader_that_stays_open_holds_nothing_back() -> None:
    spun(new_id(), 0, NOON, paytable=active_paytable())
    told, reading = threading.Event(), threading.Event()

    def read() -> None:
        with transaction.atomic():
            Spin.objects.count()
            reading.set()
            told.wait(20)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(10)

    counted = count_spins()

    told.set()
    reader.join()
    assert counted == 1


def test_a_round_waits_for_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MARGIN", timedelta(seconds=10))
    play(user=player())

    assert count_spins() == 0
