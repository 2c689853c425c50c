"""What enters the queue, or is finished at once; and what is refused with nothing written."""

from dataclasses import replace
from typing import Any

import pytest

import escrow.services
from accounts.models import User
from core.db import command
from core.errors import Forbidden, IdempotencyKeyReused, NotFound
from core.ids import new_id
from escrow.errors import HoldClosed, HoldMismatch
from escrow.models import Hold
from escrow.services import Currency, HoldRequest, House, Payee
from live.models import EventRow
from perfqueue import services
from perfqueue.models import QueueItem, Transition
from perfqueue.services import Intake, IntakeResult, State
from perfqueue.services.intake import intake, intake_many
from perfqueue.services.queues import locked_queue
from tests.clock import Clock
from tests.racing import names, race
from tests.world import again, available, buy, held, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def payload(ruby: User, alice: User, hold_id: Any, **changes: Any) -> Intake:
    key = str(new_id())
    sound = Intake(
        idempotency_key=key,
        source_feature="test",
        source_event_id=key,
        performer_id=ruby.pk,
        user_id=alice.pk,
        hold_id=hold_id,
        tokens=100,
        currency=Currency.TOKEN,
        title="A song",
    )
    return replace(sound, **changes)


def join(asked: Intake, ruby: User) -> IntakeResult:
    def work() -> IntakeResult:
        with locked_queue(ruby.pk) as queue:
            return intake(asked, actor=None, queue=queue)

    return command(work)


def at_once(
    alice: User, *, bet: int = 100, award: int = 0, currency: Currency = Currency.POINT, **more: Any
) -> IntakeResult:
    """An instant item paid to the slots bank, as a spin is."""

    def work() -> IntakeResult:
        hold_id = new_id()
        escrow.services.hold(
            HoldRequest(hold_id, str(hold_id), alice.pk, Payee(house=House.SLOTS_BANK), currency, bet, "test")
        )
        return intake(
            Intake(
                **{
                    "idempotency_key": str(hold_id),
                    "source_feature": "slots",
                    "source_event_id": "e",
                    "performer_id": None,
                    "user_id": alice.pk,
                    "hold_id": hold_id,
                    "tokens": bet,
                    "currency": currency,
                    "title": "A spin",
                    "fulfilment": "instant",
                    "award": award,
                    **more,
                }
            ),
            actor=alice,
        )

    return command(work)


def test_what_intake_answers_is_what_is_stored_to_the_microsecond() -> None:
    ruby, alice = performer(), person(tokens=100)

    placed = join(payload(ruby, alice, held(alice, ruby).hold_id), ruby)

    assert services.item_for(placed.item.id) == placed.item


def test_places_are_given_in_order_and_the_hold_no_longer_expires() -> None:
    ruby, alice = performer(fee_bps=700), person(tokens=300)

    placed = [join(payload(ruby, alice, held(alice, ruby).hold_id, metadata={"n": n}), ruby) for n in range(3)]

    assert [each.position for each in placed] == [1, 2, 3]
    assert [again(each.item).turn for each in placed] == [1, 2, 3]
    assert [again(each.item).fee_bps for each in placed] == [700] * 3
    assert again(placed[2].item).metadata == {"n": 2}
    assert set(Hold.objects.values_list("expires_at", flat=True)) == {None}


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"tokens": 99}, "tokens"), ({"user_id": new_id()}, "userId"), ({"currency": Currency.POINT}, "currency")],
)
def test_a_hold_that_does_not_fit_is_refused(changes: dict[str, Any], field: str) -> None:
    ruby, alice = performer(), person(tokens=100)
    hold_id = held(alice, ruby).hold_id

    with pytest.raises(HoldMismatch) as refused:
        join(payload(ruby, alice, hold_id, **changes), ruby)

    assert refused.value.details == {"field": field}
    assert nothing_but_an_open_hold()


def test_points_are_never_performed() -> None:
    ruby, alice = performer(), person(points=100)
    hold_id = new_id()
    escrow.services.hold(HoldRequest(hold_id, str(hold_id), alice.pk, Payee(ruby.pk), Currency.POINT, 100, "test"))

    with pytest.raises(HoldMismatch) as refused:
        join(payload(ruby, alice, hold_id, currency=Currency.POINT), ruby)

    assert refused.value.details == {"field": "currency"}
    assert nothing_but_an_open_hold()


def test_one_hold_sent_by_many_at_once_enters_one_queue_once() -> None:
    ruby, alice = performer(user_cap=9), person(tokens=100)
    hold_id = held(alice, ruby).hold_id

    outcomes = race(*[lambda: join(payload(ruby, alice, hold_id), ruby)] * 6)

    assert names(outcomes) == {"IntakeResult": 1, "HoldClosed": 5}


@pytest.mark.parametrize("feature", ["menus", "test", "arcade"])
def test_only_the_slot_machine_may_have_points_awarded(feature: str) -> None:
    alice = person(points=100)

    with pytest.raises(Forbidden):
        at_once(alice, award=5, source_feature=feature)

    assert available(alice, Currency.POINT) == 100
    assert not QueueItem.objects.exists()


def test_a_performed_item_carries_no_award() -> None:
    ruby, alice = performer(), person(tokens=100)

    with pytest.raises(Forbidden):
        join(payload(ruby, alice, held(alice, ruby).hold_id, award=5, source_feature="slots"), ruby)

    assert nothing_but_an_open_hold()


def test_a_hold_for_another_payee_is_refused() -> None:
    ruby, jade, alice = performer(), performer(), person(tokens=100)

    with pytest.raises(HoldMismatch):
        join(payload(ruby, alice, held(alice, jade).hold_id), ruby)

    assert nothing_but_an_open_hold()


def nothing_but_an_open_hold() -> bool:
    hold = Hold.objects.get()
    return hold.status == "HELD" and hold.expires_at is not None and not QueueItem.objects.exists()


def test_an_unknown_hold_is_not_found() -> None:
    ruby, alice = performer(), person(tokens=100)

    with pytest.raises(NotFound):
        join(payload(ruby, alice, new_id()), ruby)


@pytest.mark.parametrize("swept", [False, True])
def test_an_expired_hold_is_closed_whether_the_sweeper_came_or_not(clock: Clock, swept: bool) -> None:
    ruby, alice = performer(), person(tokens=100)
    hold_id = held(alice, ruby).hold_id
    clock.shift(seconds=301)
    if swept:
        services.sweep("test")

    with pytest.raises(HoldClosed):
        join(payload(ruby, alice, hold_id), ruby)

    services.sweep("test")
    assert available(alice) == 100
    assert not QueueItem.objects.exists()


def test_a_hold_serves_one_item() -> None:
    ruby, alice = performer(), person(tokens=100)
    hold_id = held(alice, ruby).hold_id
    join(payload(ruby, alice, hold_id), ruby)

    with pytest.raises(HoldClosed) as refused:
        join(payload(ruby, alice, hold_id), ruby)

    assert "hold_id" in str(refused.value.__cause__)
    assert QueueItem.objects.count() == 1


def test_a_performed_item_enters_under_its_own_queue_only() -> None:
    ruby, jade, alice = performer(), performer(), person(tokens=100)
    asked = payload(ruby, alice, held(alice, ruby).hold_id)

    with pytest.raises(RuntimeError):
        intake(asked, actor=alice)
    with pytest.raises(RuntimeError), locked_queue(jade.pk) as queue:
        intake(asked, actor=alice, queue=queue)


def test_an_unknown_queue_is_not_found() -> None:
    with pytest.raises(NotFound), locked_queue(new_id()):
        raise AssertionError("unreachable")


def test_an_instant_item_is_finished_settled_and_awarded_in_one_go() -> None:
    alice = person(points=1_000)

    placed = at_once(alice, award=250)

    assert (placed.position, placed.available) == (None, 1_150)
    item = again(placed.item)
    assert (item.state, item.turn, item.settle_tokens, item.refund_tokens) == (State.FINISHED, None, 100, 0)
    assert item.created_at == item.started_at == item.ended_at
    path = Transition.objects.filter(item=item).order_by("id").values_list("from_state", "to_state")
    assert list(path) == [("", "created"), ("created", "started"), ("started", "finished")]
    assert available(alice, Currency.POINT) == 1_150


def test_an_instant_item_without_award_returns_the_balance_after_settlement() -> None:
    alice = person(points=1_000)

    assert at_once(alice).available == 900


def test_an_instant_item_notifies_only_its_buyer_and_emits_the_features_own_events() -> None:
    from live.services import Event

    alice = person(points=1_000)

    at_once(alice, announce=(Event(key="slots.spin", variables={"n": 1}, recipient_id=alice.pk),))

    events = EventRow.objects.order_by("id")
    assert [event.key for event in events] == [
        "queue.item.created",
        "queue.item.started",
        "queue.item.finished",
        "slots.spin",
    ]
    assert {(event.room, event.recipient) for event in events} == {(None, alice.pk)}


@pytest.mark.parametrize("settings", [{"is_open": False}, {"is_paused": True}, {"depth": 1, "user_cap": 1}])
def test_an_instant_item_waits_in_no_queue_and_takes_no_lock(settings: dict[str, Any]) -> None:
    ruby, alice = performer(), person(tokens=200, points=1_000)
    buy(alice, ruby)
    services.configure(performer_id=ruby.pk, **settings)

    assert at_once(alice).item.state == State.FINISHED


def test_a_performer_is_paid_for_an_instant_item_less_her_fee() -> None:
    ruby, alice = performer(fee_bps=1_000), person(tokens=100)
    asked = payload(ruby, alice, held(alice, ruby).hold_id, fulfilment="instant")

    placed = command(lambda: intake(asked, actor=alice))

    assert (again(placed.item).fee_bps, escrow.services.wallets_of(ruby.pk)[0].earned) == (1_000, 90)


def test_several_instant_items_are_taken_or_refused_together() -> None:
    alice, bob = person(tokens=300), person(tokens=300)
    ruby = performer()
    asked = [payload(ruby, who, held(who, ruby).hold_id, fulfilment="instant") for who in (alice, bob, alice)]

    with pytest.raises(HoldMismatch):
        command(lambda: intake_many([*asked[:2], replace(asked[2], tokens=1)], actor=None))
    assert not QueueItem.objects.exists()

    placed = command(lambda: intake_many(asked, actor=None))
    assert [each.available for each in placed] == [100, 200, 100]
    assert [each.item.user_id for each in placed] == [alice.pk, bob.pk, alice.pk]


def test_an_award_to_a_frozen_wallet_undoes_the_whole_item() -> None:
    from escrow.errors import WalletFrozen
    from escrow.tests.factories import freeze, thaw

    alice = person(points=1_000)
    freeze(alice)

    with pytest.raises(WalletFrozen):
        at_once(alice, award=5)

    thaw(alice)
    assert available(alice, Currency.POINT) == 1_000
    assert not QueueItem.objects.exists()


def test_a_feature_uses_a_key_once() -> None:
    ruby, alice = performer(), person(tokens=200)
    asked = payload(ruby, alice, held(alice, ruby).hold_id)
    join(asked, ruby)

    with pytest.raises(IdempotencyKeyReused) as refused:
        join(replace(asked, hold_id=held(alice, ruby).hold_id), ruby)

    assert "perfqueue_intake_once" in str(refused.value.__cause__)
    assert QueueItem.objects.count() == 1


def test_the_head_of_a_running_queue_is_armed_on_arrival_and_nobody_else() -> None:
    ruby = performer(rope_drop_s=30)
    first, second = buy(person(tokens=100), ruby), buy(person(tokens=100), ruby)
    services.start(item_id=first.id, actor=ruby)
    services.leave(item_id=second.id, actor=second.user)
    third = buy(person(tokens=100), ruby)

    assert first.rope_drop_at is not None
    assert (first.rope_drop_at - first.created_at).total_seconds() == 30
    assert (second.rope_drop_at, third.rope_drop_at) == (None, None)
