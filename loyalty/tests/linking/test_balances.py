"""Points as they are shown: RedRoomRewards' balance, the last known while it is away, and never our ledger's."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from core.clock import db_now
from loyalty import services
from loyalty.models import KnownBalance, Link, OperationState, RemoteOperation
from loyalty.services import balances
from loyalty.services.asking import know
from loyalty.services.balances import known_points, points_now, refresh_balance
from loyalty.services.linking import unlink
from loyalty.tests.linking.linked import PROOF, credit, linked
from tests.clock import Clock
from tests.racing import race
from tests.standin import StandIn
from tests.world import client_of, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)


def moved(standin: StandIn, user: User, balance: int) -> None:
    member_id = Link.objects.get(user=user).member_id
    standin.steering.put_members([{"memberId": member_id, "proof": PROOF, "balance": balance}])


def calls(standin: StandIn) -> int:
    return int(standin.steering.stats()["calls"].get("/api/v1/loyalty/balance", 0))


def points_row(user: User) -> dict[str, Any]:
    answer = client_of(user).get("/api/v1/wallet")
    assert answer.status_code == 200
    found: dict[str, Any] = next(row for row in answer.json() if row["currency"] == "POINT")
    return found


def test_the_balance_is_asked_for_and_kept_for_a_few_seconds(standin: StandIn, clock: Clock) -> None:
    user = linked(standin, balance=8_450)

    first = points_now(user.pk)
    moved(standin, user, 9_000)
    again = points_now(user.pk)
    clock.shift(seconds=6)
    later = points_now(user.pk)

    assert (first.balance, again.balance, later.balance) == (8_450, 8_450, 9_000)
    assert first.as_of is not None
    assert later.as_of is not None
    assert later.as_of - first.as_of >= timedelta(seconds=6)
    assert not later.is_away


def test_while_it_is_away_the_last_known_balance_is_shown_at_once(standin: StandIn, clock: Clock) -> None:
    user = linked(standin, balance=8_450)
    known = points_now(user.pk)
    clock.shift(minutes=10)
    standin.steering.fault("error_503", rate=1)

    away = points_now(user.pk)
    before = standin.steering.stats()["connections"]
    again = points_now(user.pk)

    assert (away.balance, away.as_of, away.is_away) == (8_450, known.as_of, True)
    assert again == away
    assert standin.steering.stats()["connections"] == before, "the next ones do not ask for a while"


def test_nothing_is_shown_of_who_is_not_linked(standin: StandIn) -> None:
    user = person(points=500)

    assert points_now(user.pk) == known_points(user.pk)
    assert known_points(user.pk).balance is None
    assert not known_points(user.pk).is_linked


def test_a_later_balance_is_not_replaced_by_an_earlier_one(standin: StandIn) -> None:
    user, now = linked(standin), db_now()

    know([(user.pk, 100, now)])
    know([(user.pk, 200, now - timedelta(seconds=1))])

    assert KnownBalance.objects.get(user=user).balance == 100


def test_of_many_notes_at_once_the_latest_stands(standin: StandIn) -> None:
    user, now = linked(standin), db_now()

    race(*(partial(know, [(user.pk, at, now + timedelta(seconds=at))]) for at in range(1, 9)))

    assert KnownBalance.objects.get(user=user).balance == 8


def test_the_balance_after_a_change_is_known_with_it(standin: StandIn, clock: Clock) -> None:
    user = linked(standin, balance=8_450)
    points_now(user.pk)
    clock.shift(seconds=2)
    row = credit(user, 50)
    RemoteOperation.objects.filter(pk=row.pk).update(state="confirmed", closed_at=db_now(), new_balance=8_500)

    assert known_points(user.pk).balance == 8_500
    clock.shift(seconds=4)
    know([(user.pk, 8_300, db_now())])
    assert known_points(user.pk).balance == 8_300
    Link.objects.filter(user=user).update(unlinked_at=db_now(), reason="Lost.")
    Link.objects.create(user=user, member_id="another")
    KnownBalance.objects.all().delete()
    assert known_points(user.pk).balance is None, "it was another membership's"


def test_what_is_on_its_way_is_told_until_it_is_confirmed(standin: StandIn) -> None:
    user = linked(standin)
    first, second = credit(user, 1_500), credit(user, 150)
    assert known_points(user.pk).pending == 1_650

    RemoteOperation.objects.filter(pk=first.pk).update(
        state=OperationState.CONFIRMED, closed_at=db_now(), new_balance=1
    )
    RemoteOperation.objects.filter(pk=second.pk).update(state=OperationState.DEAD, closed_at=db_now())

    assert known_points(user.pk).pending == 150, "a dead letter is not delivered either"


def test_threads_do_not_queue_up_behind_a_stalled_redroomrewards(standin: StandIn, settings: Any) -> None:
    users = [linked(standin) for _ in range(6)]
    settings.RRR_TRY_TIMEOUT_S = 1.0
    standin.steering.fault("latency", rate=1, ms=3_000)

    outcomes = race(*(lambda user=user: refresh_balance(user.pk) for user in users))

    assert outcomes == [None] * 6
    assert calls(standin) <= balances.MOST_ASKING


def test_a_wallet_has_redroomrewards_points_and_our_tokens(standin: StandIn) -> None:
    user = linked(standin, balance=8_450, tokens=40, points=777)
    credit(user)

    answer = client_of(user).get("/api/v1/wallet").json()

    assert answer[0] == {"currency": "TOKEN", "available": 40, "held": 0, "earned": 0, "owed": 0}
    as_of = answer[1].pop("asOf")
    assert as_of.endswith("Z")
    assert answer[1] == {
        "currency": "POINT", "available": 8_450, "held": 0, "earned": 0, "owed": 0, "pending": 1_500,
    }  # fmt: skip


def test_a_wallet_whose_points_are_not_known_has_nulls(standin: StandIn) -> None:
    user = linked(standin, points=777)
    standin.steering.fault("error_503", rate=1)

    assert points_row(user) == {
        "currency": "POINT", "available": None, "held": None, "earned": None, "owed": None, "asOf": None, "pending": 0,
    }  # fmt: skip
    assert points_row(person(points=777))["available"] is None, "nor has one that is not linked"


def test_a_wallet_without_redroomrewards_is_the_ledgers_byte_for_byte() -> None:
    user = person(tokens=40, points=777)

    answer = client_of(user).get("/api/v1/wallet")

    assert answer.content == (
        b'[{"currency":"TOKEN","available":40,"held":0,"earned":0,"owed":0},'
        b'{"currency":"POINT","available":777,"held":0,"earned":0,"owed":0}]'
    )


def test_a_wallet_costs_the_same_however_much_is_on_its_way(standin: StandIn) -> None:
    user = linked(standin)
    points_now(user.pk)

    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            client_of(user).get("/api/v1/wallet")
        return len(seen)

    few = cost()
    for _ in range(5):
        credit(user)

    assert cost() == few <= 3


def test_our_ledger_answers_no_balance_of_points_that_live_elsewhere(standin: StandIn) -> None:
    user = linked(standin, points=777)
    client = client_of(user)

    assert client.get("/api/v1/wallet/balance?version=1&currency=POINT").status_code == 404
    assert client.get("/api/v1/wallet/balance?version=0&currency=TOKEN").status_code == 200


def test_a_performers_wallet_asks_nobody(standin: StandIn) -> None:
    ruby = performer()
    before = standin.steering.stats()["connections"]

    assert client_of(ruby).get("/api/v1/wallet").status_code == 200
    assert standin.steering.stats()["connections"] == before


def test_a_balance_is_forgotten_with_its_link(standin: StandIn) -> None:
    user = linked(standin)
    points_now(user.pk)

    unlink(link_id=Link.objects.get(user=user).pk, actor=staff(Role.SUPPORT), reason="Asked for.")
    know([(user.pk, 5, db_now())])

    assert known_points(user.pk).balance is None, "also when an answer comes late"


def test_the_mode_is_a_setting(settings: Any) -> None:
    for mode, remote in (("local", False), ("redroomrewards", True)):
        settings.LOYALTY_BACKEND = mode
        assert services.is_remote() is remote
