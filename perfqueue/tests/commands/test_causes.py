"""The machine's cause and a person's reason are two things: neither can be taken for the other."""

from typing import Any

import pytest
from django.db import IntegrityError

from core.db import rows
from live.models import EventRow
from perfqueue import services
from perfqueue.errors import DeadlinePassed, InvalidTransition, RopeDropExpired
from perfqueue.models import AbandonPolicy, Cause, State, Transition
from tests import world
from tests.clock import Clock
from tests.world import again, buy, client_of, key, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_reason_in_capitals_stays_out_of_the_events() -> None:
    buyer, ruby = world.person(tokens=1_000), world.performer()
    item = world.buy(buyer, ruby)

    services.refund(item_id=item.pk, actor=ruby, reason="ANNA SMITH CALLED ME ON 555 0199")

    answers: list[dict[str, Any]] = list(EventRow.objects.values_list("variables", flat=True))
    assert all("SMITH" not in str(each) for each in answers)


def test_a_cause_is_in_the_event() -> None:
    buyer, ruby = world.person(tokens=1_000), world.performer()
    item = world.buy(buyer, ruby)

    services.leave(item_id=item.pk, actor=buyer)

    assert EventRow.objects.get(key="queue.item.refunded").variables["reason"] == "LEFT"


@pytest.mark.parametrize("typed", ["DEADLINE_PASSED", "ROPE_DROP_EXPIRED", "MAX_WAIT_PASSED"])
@pytest.mark.parametrize("command", ["refund", "abandon"])
@pytest.mark.parametrize("policy", [AbandonPolicy.FULL_REFUND, AbandonPolicy.REVIEW])
def test_a_causes_code_typed_as_a_reason_changes_nothing(policy: str, command: str, typed: str) -> None:
    ruby, alice = performer(abandon_policy=policy), person(tokens=1_000)
    item = buy(alice, ruby)
    services.start(item_id=item.pk, actor=ruby)

    getattr(services, command)(item_id=item.pk, actor=ruby, reason=typed)

    with pytest.raises(InvalidTransition):
        services.start(item_id=item.pk, actor=ruby)
    with pytest.raises(InvalidTransition):
        services.finish(item_id=item.pk, actor=ruby)
    assert (again(item).cause, again(item).reason) == ("", typed)
    assert {*Transition.objects.values_list("cause", flat=True)} == {""}
    assert not any("reason" in event.variables for event in EventRow.objects.filter(key__startswith="queue.item."))


def test_a_declined_request_with_a_causes_code_as_reason_did_not_expire() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    item = buy(alice, ruby)

    services.refund(item_id=item.pk, actor=ruby, reason="ROPE_DROP_EXPIRED")

    with pytest.raises(InvalidTransition):
        services.start(item_id=item.pk, actor=ruby)


def test_a_part_paid_with_a_causes_code_as_reason_keeps_it_as_text() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    item = buy(alice, ruby, 100)
    services.start(item_id=item.pk, actor=ruby)

    done = services.finish(item_id=item.pk, actor=ruby, settle=40, reason="DEADLINE_PASSED")

    assert (done.state, done.cause, done.shown_reason) == (State.FINISHED, "", "DEADLINE_PASSED")
    with pytest.raises(InvalidTransition):
        services.finish(item_id=item.pk, actor=ruby)


def test_the_codes_of_expiry_are_answered_only_after_an_expiry(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=60, abandon_policy=AbandonPolicy.REVIEW), person(tokens=1_000)
    started, waits = buy(alice, ruby, duration_s=20), buy(alice, ruby)
    services.start(item_id=started.pk, actor=ruby)
    clock.shift(seconds=51)
    services.expire_due(ruby.pk)
    clock.shift(seconds=61)
    services.expire_due(ruby.pk)

    with pytest.raises(DeadlinePassed):
        services.finish(item_id=started.pk, actor=ruby)
    with pytest.raises(RopeDropExpired):
        services.start(item_id=waits.pk, actor=ruby)


def test_the_answers_reason_is_the_cause_else_the_text_else_null() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    left, declined, waits = (buy(alice, ruby) for _ in range(3))
    services.leave(item_id=left.pk, actor=alice)
    services.refund(item_id=declined.pk, actor=ruby, reason="no time")

    items = client_of(alice).get("/api/v1/queue/items").json()["items"]

    reasons = {each["id"]: each["reason"] for each in items}
    assert reasons == {str(left.pk): "LEFT", str(declined.pk): "no time", str(waits.pk): None}
    assert all("cause" not in each for each in items)


def test_staff_end_an_expired_performance_with_a_reason_of_their_own(clock: Clock) -> None:
    ruby, alice = performer(abandon_policy=AbandonPolicy.REVIEW), person(tokens=1_000)
    item = buy(alice, ruby, duration_s=20)
    services.start(item_id=item.pk, actor=ruby)
    clock.shift(seconds=51)
    services.expire_due(ruby.pk)
    assert again(item).cause == Cause.DEADLINE

    path = f"/api/v1/admin/queue/items/{item.pk}/refund"
    answer = client_of(staff()).post(path, {"reason": "agreed"}, format="json", headers=key())

    assert answer.json()["reason"] == "agreed"
    assert (again(item).cause, again(item).reason) == ("", "agreed")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE perfqueue_queueitem SET cause = 'X' WHERE id = %s",
        """INSERT INTO perfqueue_transition (id, item_id, from_state, to_state, cause, reason, request_id, at)
           SELECT gen_random_uuid(), id, '', 'created', 'X', '', '', core_now()
             FROM perfqueue_queueitem WHERE id = %s""",
        """INSERT INTO perfqueue_strike (id, item_id, performer_id, cause)
           SELECT gen_random_uuid(), id, performer_id, 'X' FROM perfqueue_queueitem WHERE id = %s""",
    ],
)
def test_a_cause_is_one_of_the_known_codes(sql: str) -> None:
    item = buy(person(tokens=1_000), performer())

    with pytest.raises(IntegrityError, match="cause_known"):
        rows(sql, [item.pk])


def test_an_expired_review_shows_its_cause_and_keeps_the_persons_text(clock: Clock) -> None:
    ruby, alice = performer(abandon_policy=AbandonPolicy.REVIEW), person(tokens=1_000)
    item = buy(alice, ruby)
    services.start(item_id=item.pk, actor=ruby)
    services.abandon(item_id=item.pk, actor=ruby, reason="tired")
    clock.shift(hours=25)

    shown = client_of(alice).get(f"/api/v1/queue/items/{item.pk}").json()

    assert (shown["state"], shown["reason"]) == ("refunded", "RESOLVE_BY_PASSED")
    assert (again(item).cause, again(item).reason) == ("RESOLVE_BY_PASSED", "tired")


def test_an_expired_review_keeps_the_cause_of_its_abandonment(clock: Clock) -> None:
    ruby, alice = performer(abandon_policy=AbandonPolicy.REVIEW), person(tokens=1_000)
    item = buy(alice, ruby, duration_s=20)
    services.start(item_id=item.pk, actor=ruby)
    clock.shift(seconds=51)
    services.expire_due(ruby.pk)
    clock.shift(hours=25)
    services.expire_due(ruby.pk)

    assert (again(item).state, again(item).shown_reason) == (State.REFUNDED, "DEADLINE_PASSED")
    assert Transition.objects.order_by("id").last().cause == "RESOLVE_BY_PASSED"  # type: ignore[union-attr]
