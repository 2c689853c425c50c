"""Rounds over new spins: the return is counted once and judged, it closes the machine, and two people open it again."""

from threading import Barrier
from typing import Any

import pytest
from django.db.models import F

from accounts.models import Role, User
from compliance.errors import GameDisabled
from compliance.models import Marker
from core.clock import CoreNow
from core.errors import NotFound, ValidationFailed
from core.ids import NIL, new_id
from escrow.errors import ApprovalClosed, SameApprover
from slots import services
from slots.errors import GameNotClosed
from slots.models import Aggregated, Game, Look, Paytable, Reopening, Spin, Tally
from slots.services import counting, watching
from slots.services.paytables import active_paytable
from slots.tests.factories import approved_paytable, play, player, post_spin
from slots.tests.planting import count_all, plant, repeated, watch_all
from tests.racing import race
from tests.world import client_of, staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]
LEAST = 200
AWRY = repeated([(0, 100), (800, 100)])
"""200 spins that return 400 %: z is above 4.4."""


@pytest.fixture(autouse=True)
def early(settings: Any) -> None:
    settings.SLOTS_DRIFT_MIN_SPINS = LEAST


def looks() -> list[tuple[int, str]]:
    return list(Look.objects.order_by("id").values_list("spins", "verdict"))


def sums() -> tuple[int, int, int]:
    tally = Tally.objects.get()
    return tally.spins, tally.staked, tally.paid


def test_every_settled_spin_is_counted_once() -> None:
    plant(player(), [0, 150, 800])

    assert (services.watch(), Tally.objects.count()) == (0, 0), "they are not in the figures yet"
    assert (watch_all(), sums()) == (3, (3, 300, 950))
    assert (watch_all(), sums()) == (0, (3, 300, 950))
    plant(player(), [150])
    assert (watch_all(), sums()) == (1, (4, 400, 1_100))


def test_a_round_ends_where_the_figures_do() -> None:
    _, second, third = plant(player(), [0, 0, 0])
    Aggregated.objects.create(name=counting.NAME, upto=second)

    assert services.watch() == 2
    assert Aggregated.objects.get(name="watch").upto == second
    Aggregated.objects.filter(name=counting.NAME).update(upto=third)
    assert services.watch() == 1


def test_a_round_goes_on_after_a_full_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_SPINS", 2)
    plant(player(), [0] * 5)

    assert watch_all() == 5


def test_a_spin_of_the_machine_is_counted_for_its_paytable() -> None:
    user = player()
    played = [play(user=user) for _ in range(3)]

    watch_all()

    assert sums() == (3, 300, sum(each.spin.payout for each in played))
    assert Tally.objects.get().paytable_id == active_paytable().pk


def test_a_return_within_bounds_leaves_a_look_and_nothing_else() -> None:
    plant(player(), repeated([(0, 100), (190, 100)]))

    watch_all()

    assert looks() == [(200, "ok")]
    assert (Marker.objects.count(), Game.objects.get().enabled) == (0, True)


def test_one_spin_before_the_least_nothing_is_judged_whatever_was_paid() -> None:
    plant(player(), AWRY[1:])

    watch_all()

    assert (looks(), Marker.objects.filter(kind="rtp_drift").count(), Game.objects.get().enabled) == ([], 0, True)
    shown = services.returns()
    assert shown is not None
    assert (shown.spins, shown.verdict, shown.least) == (199, "shown", 200)
    assert shown.z is not None
    assert shown.z > 4.4


def test_a_return_above_4_point_4_closes_the_machine_with_a_marker_in_one_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = player()
    plant(player(), AWRY)
    monkeypatch.setattr(watching, "notice", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watch_all()
    assert (looks(), Game.objects.get().enabled, Tally.objects.count()) == ([], True, 0), "all or nothing"
    monkeypatch.undo()

    watch_all()

    game = Game.objects.get()
    assert (looks(), game.enabled, game.closed_by_drift_at is not None) == ([(200, "disable")], False, True)
    marker = Marker.objects.get(kind="rtp_drift")
    assert (marker.user_id, marker.subject, marker.count) == (None, bytes(active_paytable().digest).hex(), 1)
    assert marker.facts["spins"] == 200
    with pytest.raises(GameDisabled):
        play(user=user)
    answer: Any = post_spin(client_of(user))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "GAME_DISABLED")


def closed() -> tuple[User, User]:
    """Let the return close the machine; two people of games."""
    plant(player(), AWRY)
    watch_all()
    return staff(Role.GAMES), staff(Role.GAMES)


def test_two_people_open_it_and_the_count_begins_anew() -> None:
    first, second = closed()
    asked = services.ask_reopening(reason="The bench played", actor=first)
    with pytest.raises(GameDisabled):
        play(user=player())

    decided = services.decide_reopening(reopening_id=asked.pk, approved=True, reason="", actor=second)

    game = Game.objects.get()
    assert (decided.approved, decided.decided_by, game.enabled, game.closed_by_drift_at) == (True, second, True, None)
    played = play(user=player()).spin
    watch_all()
    assert sums() == (1, 100, played.payout)
    assert Game.objects.get().enabled
    plant(player(), AWRY[1:])
    watch_all()
    assert looks() == [(200, "disable"), (200, "disable")]
    assert not Game.objects.get().enabled
    assert Marker.objects.get(kind="rtp_drift").count == 2


def test_what_was_played_before_the_reopening_and_read_after_it_is_not_counted() -> None:
    first, second = closed()
    plant(player(), [800] * 50)
    asked = services.ask_reopening(reason="Checked", actor=first)
    services.decide_reopening(reopening_id=asked.pk, approved=True, reason="", actor=second)

    assert watch_all() == 50
    assert Tally.objects.get().spins == 200, "the count before"
    shown = services.returns()
    assert shown is not None
    assert (shown.spins, shown.z) == (0, None)


def test_the_same_person_cannot_do_both_but_may_withdraw() -> None:
    first, second = closed()
    asked = services.ask_reopening(reason="Checked", actor=first)

    with pytest.raises(SameApprover):
        services.decide_reopening(reopening_id=asked.pk, approved=True, reason="", actor=first)
    assert (Game.objects.get().enabled, Reopening.objects.get().approved) == (False, None)
    services.decide_reopening(reopening_id=asked.pk, approved=False, reason="Not yet", actor=first)

    assert not Game.objects.get().enabled
    with pytest.raises(ApprovalClosed):
        services.decide_reopening(reopening_id=asked.pk, approved=True, reason="", actor=second)


def test_a_request_has_a_reason_waits_alone_and_needs_a_closed_machine() -> None:
    with pytest.raises(GameNotClosed):
        services.ask_reopening(reason="Checked", actor=staff(Role.GAMES))
    first, second = closed()
    with pytest.raises(ValidationFailed):
        services.ask_reopening(reason=" ", actor=first)
    asked = services.ask_reopening(reason="Checked", actor=first)
    with pytest.raises(GameNotClosed):
        services.ask_reopening(reason="Me too", actor=second)
    with pytest.raises(ValidationFailed):
        services.decide_reopening(reopening_id=asked.pk, approved=False, reason="", actor=second)
    with pytest.raises(NotFound):
        services.decide_reopening(reopening_id=new_id(), approved=True, reason="", actor=second)


def test_two_approvals_at_once_open_it_once() -> None:
    first, second = closed()
    third = staff(Role.ADMIN)
    asked = services.ask_reopening(reason="Checked", actor=first)

    def approve(actor: User) -> Any:
        return services.decide_reopening(reopening_id=asked.pk, approved=True, reason="", actor=actor)

    outcomes = race(lambda: approve(second), lambda: approve(third))

    assert sorted(type(each).__name__ for each in outcomes) == ["ApprovalClosed", "Reopening"]


def test_rounds_at_once_count_every_spin_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_SPINS", 20)
    plant(player(), AWRY)

    count_all()

    outcomes = race(*[services.watch] * 4)
    watch_all()

    assert all(isinstance(each, int) for each in outcomes), outcomes
    assert sums() == (200, 20_000, 80_000)
    assert (looks(), Marker.objects.get(kind="rtp_drift").count) == ([(200, "disable")], 1)


def test_a_control_that_reads_without_the_lock_counts_twice() -> None:
    plant(player(), [0] * 50)

    def naive() -> None:
        unread = Spin.objects.filter(id__gt=NIL).count()
        both_have_read.wait(timeout=30)
        Tally.objects.update(spins=F("spins") + unread)

    Tally.objects.create(paytable_id=active_paytable().pk)
    both_have_read = Barrier(2)
    race(naive, naive)

    assert Tally.objects.get().spins == 100


def test_each_paytable_is_judged_by_itself() -> None:
    before = active_paytable()
    plant(player(), AWRY[:100])
    watch_all()
    other = approved_paytable(code="classic-95-high")
    services.activate(paytable_id=other.pk, reason="", actor=staff(Role.GAMES))
    plant(player(), AWRY[:150])
    watch_all()

    assert {each.paytable_id: each.spins for each in Tally.objects.all()} == {before.pk: 100, other.pk: 150}
    assert (looks(), Game.objects.get().enabled) == ([], True)
    services.activate(paytable_id=before.pk, reason="", actor=staff(Role.GAMES))
    plant(player(), AWRY[100:])
    watch_all()
    assert looks() == [(200, "disable")]


def test_a_spin_of_no_known_paytable_does_not_stop_the_rounds() -> None:
    ghost = Paytable(pk=new_id(), digest=b"g" * 32, created_at=CoreNow())
    plant(player(), [0], paytable=ghost)
    plant(player(), [150])

    assert watch_all() == 2
    assert sums() == (1, 100, 150)


def test_what_was_found_is_told_for_metrics() -> None:
    assert services.watched().lag_s == 0
    closed()
    plant(player(), [0])

    told = services.watched()

    assert told.closed_by_drift
    assert told.returned is not None
    assert told.returned.spins == 200
    assert 0 <= told.lag_s < 60
