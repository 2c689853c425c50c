"""Actions over items and queues: a preview with totals, a reason, one result and one audit row per row."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.backoffice import BACK_OFFICE_ROLES
from accounts.models import Role, User
from core.clock import db_now
from perfqueue import services
from perfqueue.models import PerformerQueue, QueueItem, Run, RunItem, Transition
from perfqueue.services import AbandonPolicy, State
from tests.backoffice import signed_in, text_of
from tests.clock import Clock
from tests.world import again, available, buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
ITEMS = "admin:perfqueue_queueitem_changelist"
QUEUES = "admin:perfqueue_performerqueue_changelist"
MANY = services.MAX_BULK_ITEMS + 1


def act(client: Client, action: str, rows: list[Any], **form: str) -> Any:
    chosen = [str(row.pk) for row in rows]
    place = QUEUES if isinstance(rows[0], PerformerQueue) else ITEMS
    return client.post(reverse(place), {"action": action, "_selected_action": chosen} | form, follow=True)


def refund(client: Client, items: list[QueueItem], **form: str) -> Any:
    return act(client, "refund_items", items, **form)


def reviewed(alice: User, tokens: int) -> QueueItem:
    ruby = performer(abandon_policy=AbandonPolicy.REVIEW)
    item = buy(alice, ruby, tokens)
    services.start(item_id=item.pk, actor=ruby)
    services.abandon(item_id=item.pk, actor=ruby)
    return again(item)


def test_a_refund_first_shows_totals_and_asks_for_a_reason() -> None:
    ruby, alice = performer("ruby"), person("alice", tokens=1_000)
    waiting, on_stage = buy(alice, ruby, 100), buy(alice, ruby, 30)
    services.start(item_id=waiting.pk, actor=ruby)
    left = buy(alice, ruby, 500)
    services.leave(item_id=left.pk, actor=alice)

    page = refund(signed_in(staff()), [waiting, on_stage, left])

    assert page.status_code == 200
    assert "2 of 3 items can be refunded. In all: 130 TOKEN" in text_of(page)
    assert "refused: INVALID_TRANSITION" in text_of(page)
    assert 'name="reason"' in page.content.decode()
    assert [again(item).state for item in (waiting, on_stage)] == [State.STARTED, State.CREATED]
    assert available(alice) == 870
    assert not Run.objects.exists()


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_refunded(reason: str) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)

    page = refund(signed_in(staff()), [item], apply="yes", reason=reason)

    assert (page.status_code, again(item).state) == (200, State.CREATED)
    assert "This field is required" in text_of(page)


def test_each_item_is_refunded_by_itself_with_one_result_a_row() -> None:
    ruby, jade, alice, bob = performer(), performer(), person(tokens=1_000), person(tokens=1_000)
    items = [buy(alice, ruby, 100), buy(bob, ruby, 50), buy(bob, jade, 25)]
    done = buy(alice, jade, 7)
    services.leave(item_id=done.pk, actor=alice)
    support = staff(Role.SUPPORT)

    page = refund(signed_in(support), [*items[:1], done, *items[1:]], apply="yes", reason="Stream broke")

    text = text_of(page)
    assert page.status_code == 200
    assert "3 of 4 done, 1 refused" in text
    assert "Given back in all: 175 TOKEN" in text
    assert text.count("INVALID_TRANSITION") == 1
    assert [again(item).state for item in items] == [State.REFUNDED] * 3
    assert (available(alice), available(bob)) == (1_000, 1_000)
    assert RunItem.objects.filter(run__actor=support, run__reason="Stream broke").count() == 4
    for item in items:
        last = Transition.objects.filter(item=item).latest("id")
        assert (last.to_state, last.actor, last.reason) == ("refunded", support.pk, "Stream broke")


def test_sending_the_refund_again_gives_nothing_twice() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    items = [buy(alice, ruby, 100), buy(alice, ruby, 50)]
    client = signed_in(staff())

    refund(client, items, apply="yes", reason="Once")
    page = refund(client, items, apply="yes", reason="Once")

    assert text_of(page).count("INVALID_TRANSITION") == 2
    assert "0 of 2 done, 2 refused" in text_of(page)
    assert available(alice) == 1_000


def test_a_refund_first_expires_what_is_due(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=60), person(tokens=1_000)
    late, next_one = buy(alice, ruby, 100), buy(alice, ruby, 50)
    clock.shift(seconds=61)

    page = refund(signed_in(staff()), [late, next_one], apply="yes", reason="Both")

    assert "INVALID_TRANSITION" in text_of(page)
    assert (again(late).cause, again(next_one).reason) == ("ROPE_DROP_EXPIRED", "Both")
    assert available(alice) == 1_000


def hidden_in(page: Any) -> dict[str, str]:
    """The fields that a page sends along."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.content.decode()))


def test_more_than_fifty_are_previewed_with_totals_and_refunded_in_the_background() -> None:
    ruby, alice = performer(depth=60, user_cap=60), person(tokens=1_000)
    items = [buy(alice, ruby, 2) for _ in range(MANY)]
    client = signed_in(staff())

    preview = refund(client, items[:1], select_across="1")
    assert f"{MANY} of {MANY} items can be refunded. In all: {2 * MANY} TOKEN" in text_of(preview)
    assert "The first 50 of 51" in text_of(preview)
    page = client.post(reverse(ITEMS), hidden_in(preview) | {"apply": "yes", "reason": "All"}, follow=True)

    assert "Under way: 0 %" in text_of(page)
    assert 'http-equiv="refresh"' in page.content.decode()
    assert not QueueItem.objects.exclude(state=State.CREATED).exists()
    services.work_runs()
    page = client.get(page.request["PATH_INFO"])
    assert f"{MANY} of {MANY} done" in text_of(page)
    assert "All results" in text_of(page)
    assert 'http-equiv="refresh"' not in page.content.decode()
    assert available(alice) == 1_000


def test_items_that_changed_since_the_preview_are_previewed_again() -> None:
    ruby, alice = performer(depth=60, user_cap=60), person(tokens=1_000)
    items = [buy(alice, ruby, 2) for _ in range(MANY)]
    client = signed_in(staff())
    preview = refund(client, items[:1], select_across="1")
    buy(alice, ruby, 2)

    page = client.post(reverse(ITEMS), hidden_in(preview) | {"apply": "yes", "reason": "All"}, follow=True)

    assert "Other items match now than before. Look again." in text_of(page)
    assert f"{MANY + 1} of {MANY + 1} items can be refunded" in text_of(page)
    assert not Run.objects.exists()


def test_a_split_is_previewed_with_its_amounts() -> None:
    alice = person(tokens=1_000)
    items = [reviewed(alice, 100), reviewed(alice, 30)]
    client = signed_in(staff())

    asked = act(client, "split_items", items)
    tried = act(client, "split_items", items, preview="yes", settle="40", reason="")
    assert "2 of 2 items are on stage or under review" in text_of(asked)
    assert "40 paid, 60 back" in text_of(tried)
    assert "In all: 40 TOKEN paid , 60 TOKEN given back" in text_of(tried).replace("paid,", "paid ,")
    assert "refused: SPLIT_MISMATCH" in text_of(tried)
    page = act(client, "split_items", items, apply="yes", settle="40", reason="Half of it was seen")

    assert "1 of 2 done, 1 refused" in text_of(page)
    assert "Given back in all: 60 TOKEN ; paid: 40 TOKEN" in text_of(page)
    assert [again(item).state for item in items] == [State.FINISHED, State.ABANDONED]
    assert available(alice) == 1_000 - 40 - 30


@pytest.mark.parametrize("settle", ["", "0", "-1", "1.5", "ten", "99999999999"])
def test_a_split_without_a_valid_amount_changes_nothing(settle: str) -> None:
    item = reviewed(person(tokens=100), 100)

    page = act(signed_in(staff()), "split_items", [item], apply="yes", settle=settle, reason="x")

    assert (page.status_code, again(item).state) == (200, State.ABANDONED)
    assert not Run.objects.exists()


def test_a_review_is_ended_in_the_performers_favour() -> None:
    ruby, alice = performer(), person(tokens=1_000)
    item, waiting = reviewed(alice, 100), buy(alice, ruby, 30)
    client = signed_in(staff())

    assert "1 of 2 items are under review" in text_of(act(client, "resolve_items", [item, waiting]))
    page = act(client, "resolve_items", [item, waiting], apply="yes", reason="All of it was seen")

    assert "1 of 2 done, 1 refused" in text_of(page)
    assert (again(item).state, again(item).settle_tokens, again(waiting).state) == (State.FINISHED, 100, State.CREATED)


def test_an_item_is_started_out_of_turn_with_a_reason() -> None:
    ruby, alice, support = performer(), person(tokens=1_000), staff()
    head, second = again(buy(alice, ruby, 10)), buy(alice, ruby, 20)
    client = signed_in(support)

    preview = act(client, "start_items", [second])
    assert "1 of 1 items can be started now" in text_of(preview)
    assert again(second).state == State.CREATED
    page = act(client, "start_items", [head, second], apply="yes", reason="Her mother is here")

    assert "1 of 2 items started" in text_of(page)
    assert "ALREADY_STARTED" in text_of(page)
    assert {again(head).state, again(second).state} == {State.STARTED, State.CREATED}
    page = act(client, "start_items", [second], apply="yes", reason="Her mother is here")
    assert "ALREADY_STARTED" in text_of(page)
    assert LogEntry.objects.filter(user=support, change_message__contains="Her mother is here").count() == 1


def test_queues_are_paused_and_resumed_with_the_time_that_was_left(clock: Clock) -> None:
    ruby, alice, support = performer(rope_drop_s=60), person(tokens=100), staff()
    item = buy(alice, ruby)
    queue = PerformerQueue.objects.get(pk=ruby.pk)
    client = signed_in(support)
    clock.shift(seconds=55)

    preview = act(client, "pause_chosen", [queue])
    assert "1 of 1 lines can be paused" in text_of(preview)
    assert not PerformerQueue.objects.get(pk=ruby.pk).is_paused
    act(client, "pause_chosen", [queue], apply="yes", reason="Trouble in the room")
    clock.shift(seconds=600)
    act(client, "resume_chosen", [queue], apply="yes", reason="All well")

    left = again(item)
    assert left.state == State.CREATED
    assert 3 < (left.rope_drop_at - db_now()).total_seconds() <= 5  # type: ignore[operator]
    messages = LogEntry.objects.filter(user=support).order_by("pk").values_list("change_message", flat=True)
    assert ["Trouble in the room" in messages[0], "All well" in messages[1]] == [True, True]


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.SUPPORT, Role.ADMIN}))
@pytest.mark.parametrize("action", ["refund_items", "split_items", "resolve_items", "start_items", "pause_chosen"])
def test_only_support_and_admin_may_act(role: str, action: str) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)
    row = PerformerQueue.objects.get(pk=ruby.pk) if action == "pause_chosen" else item
    client = signed_in(ruby if role == Role.PERFORMER else person(role=role))

    act(client, action, [row])
    act(client, action, [row], apply="yes", settle="1", reason="Mine")

    assert again(item).state == State.CREATED
    assert not PerformerQueue.objects.get(pk=ruby.pk).is_paused
    assert not Run.objects.exists()
    if role in BACK_OFFICE_ROLES:
        assert action not in client.get(reverse(QUEUES if action == "pause_chosen" else ITEMS)).content.decode()


def test_a_preview_of_fifty_runs_as_many_statements_as_one_of_one() -> None:
    ruby, alice = performer(depth=60, user_cap=60), person(tokens=1_000)
    items = [buy(alice, ruby, 2) for _ in range(50)]
    client = signed_in(staff())
    counts = []
    refund(client, items[:1])

    for chosen in (items[:1], items):
        with CaptureQueriesContext(connection) as run:
            assert refund(client, chosen).status_code == 200
        counts.append(len(run))

    assert counts[0] == counts[1]
