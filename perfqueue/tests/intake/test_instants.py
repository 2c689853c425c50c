"""Instant items that are stored by lists are those that the life cycle makes, one by one."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

import escrow.services
import live.services
from core.clock import db_now
from core.db import rows
from core.ids import new_id
from escrow.services import Currency, House, LockedWallet, Payee
from live.models import EventRow
from perfqueue.models import QueueItem, Transition, columns_of
from perfqueue.services import InstantItem, events_of, finish_instants
from perfqueue.services.instants import steps, store_instants
from perfqueue.tests.intake.test_intake import at_once
from tests.world import performer, person

pytestmark = pytest.mark.django_db(transaction=True)
OWN = {"id", "item_id", "user_id", "actor", "performer_id", "hold_id", "request_id", "at", "created_at", "started_at"}
OWN |= {"ended_at", "idempotency_key", "source_event_id", "source_feature", "title", "tokens", "award"}


def asked(**changes: Any) -> InstantItem:
    usual: dict[str, Any] = {
        "id": new_id(),
        "user_id": person().pk,
        "performer_id": None,
        "hold_id": new_id(),
        "tokens": 100,
        "award": 0,
        "key": str(new_id()),
        "title": "A spin",
        "request_id": "the-request",
    }
    return InstantItem(**usual | changes)


def stored(*items: InstantItem) -> tuple[list[QueueItem], list[Transition]]:
    """What a list writes; rolled back, since its holds are nowhere."""
    statement = store_instants(items, feature="test", currency=Currency.POINT, at=db_now())
    ids = [item.id for item in items]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.params)
        written = list(QueueItem.objects.filter(pk__in=ids).order_by("id"))
        taken = list(Transition.objects.filter(item_id__in=ids).order_by("id"))
        transaction.set_rollback(True)
    return written, taken


def test_a_stored_item_is_what_the_life_cycle_makes_of_one() -> None:
    made = at_once(person(points=1_000), award=40).item
    sound = columns_of(QueueItem.objects.get(pk=made.id))
    taken = Transition.objects.filter(item_id=made.id).order_by("id")

    (item,), transitions = stored(asked(award=40))

    found = columns_of(item)
    assert {name: found[name] for name in found.keys() - OWN} == {name: sound[name] for name in sound.keys() - OWN}
    assert [{n: v for n, v in columns_of(each).items() if n not in OWN} for each in transitions] == [
        {n: v for n, v in columns_of(each).items() if n not in OWN} for each in taken
    ]
    assert found.keys() - OWN == {each.column for each in QueueItem._meta.concrete_fields} - OWN


def test_each_item_of_a_list_has_its_own_facts_and_steps() -> None:
    room = performer()
    first, second = asked(performer_id=room.pk, tokens=7, award=3), asked(request_id="another", tokens=9)

    items, transitions = stored(first, second)

    facts = [
        (each.id, each.user_id, each.performer_id, each.hold_id, each.tokens, each.award, each.settle_tokens)
        for each in items
    ]
    assert facts == [
        (each.id, each.user_id, each.performer_id, each.hold_id, each.tokens, each.award, each.tokens)
        for each in (first, second)
    ]
    assert [each.idempotency_key for each in items] == [first.key, second.key]
    assert [each.source_event_id for each in items] == [first.key, second.key]
    assert {(each.created_at, each.started_at, each.ended_at) for each in items} == {(items[0].created_at,) * 3}
    assert [(t.item_id, t.from_state, t.to_state, t.actor, t.request_id) for t in transitions] == [
        (item.id, step.source, step.target, item.user_id, item.request_id)
        for item in (first, second)
        for step in steps()
    ]


def test_its_events_are_those_of_an_item_that_was_taken_in_alone() -> None:
    alice, ruby = person(points=1_000), performer()
    made = at_once(alice, performer_id=ruby.pk).item
    told = EventRow.objects.filter(recipient=alice.pk, key__startswith="queue.item").order_by("id")
    item = asked(id=made.id, user_id=alice.pk, performer_id=ruby.pk, title=made.title)

    events = events_of(item)

    assert [(e.key, e.variables, e.room_id, e.recipient_id) for e in events] == [
        (row.key, row.variables, row.room, row.recipient) for row in told
    ]
    assert [event.key.rpartition(".")[2] for event in events] == [step.target for step in steps()]


def test_its_events_carry_the_requests_id() -> None:
    item = asked(request_id="of-a-batch")
    statement = live.services.emission([(event, item.request_id) for event in events_of(item)])
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)

    assert rows("SELECT DISTINCT request_id FROM live_event") == [{"request_id": "of-a-batch"}]


def with_hold(item: InstantItem) -> escrow.services.Instant:
    """The hold of an item of slots."""
    hold = escrow.services.HoldRequest(
        hold_id=item.hold_id,
        key=item.key,
        payer_id=item.user_id,
        payee=Payee(house=House.SLOTS_BANK),
        currency=Currency.POINT,
        amount=item.tokens,
        feature="slots",
        source_event_id=item.key,
        actor_id=item.user_id,
    )
    wallet = LockedWallet(new_id(), item.user_id, "active", 1_000, 0, 0)
    return escrow.services.Instant(wallet=wallet, hold=hold, item_id=item.id, award=item.award)


def finished(item: InstantItem, each: escrow.services.Instant, feature: str = "slots") -> int:
    """How many statements finish an item with this hold."""
    return len(finish_instants([item], [each], feature=feature, currency=Currency.POINT, at=db_now()))


def test_an_item_is_finished_with_its_own_hold_and_only_features_that_may_award() -> None:
    item = asked(award=40)
    own = with_hold(item)
    assert finished(item, own) == 2

    for wrong in (
        replace(own, award=41),
        replace(own, item_id=new_id()),
        *(
            replace(own, hold=replace(own.hold, **changed))
            for changed in ({"amount": 99}, {"payer_id": new_id()}, {"currency": Currency.TOKEN}, {"feature": "menus"})
        ),
    ):
        with pytest.raises(RuntimeError, match="another one's"):
            finished(item, wrong)
    with pytest.raises(RuntimeError, match="menus awards nothing"):
        finished(item, replace(own, hold=replace(own.hold, feature="menus")), feature="menus")
