"""One request id from the door to the worker: what a command leaves behind under one name."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from celery import signals
from celery.contrib.testing.worker import start_worker
from kombu import Connection

from accounts.models import User
from escrow.models import Operation
from live.models import EventRow
from menus.tests.offering import item_in, menu_of
from perfqueue import services
from perfqueue.models import Run, Transition
from tests.world import again, buy, client_of, key, performer, person, staff
from xxxchat.celery import app

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def headers_sent() -> Iterator[list[dict[str, Any]]]:
    """The headers of every task that this process publishes."""
    sent: list[dict[str, Any]] = []

    def note(headers: dict[str, Any], **_: Any) -> None:
        sent.append(headers)

    signals.before_task_publish.connect(note, weak=False, dispatch_uid="test")
    yield sent
    signals.before_task_publish.disconnect(dispatch_uid="test")


@pytest.fixture
def empty_queue() -> None:
    with Connection(app.conf.broker_url) as link, link.SimpleQueue(app.conf.task_default_queue) as queue:
        queue.clear()


def post(actor: User, path: str, name: str, **body: Any) -> Any:
    return client_of(actor).post(f"/api/v1/{path}", body, format="json", headers=key() | {"X-Request-Id": name})


def logged(capture: pytest.LogCaptureFixture, name: str) -> list[tuple[str, ...]]:
    lines: list[Any] = [record.msg for record in capture.records if isinstance(record.msg, dict)]
    return [(line["event"], line["operation"]) for line in lines if line.get("request_id") == name]


def test_a_purchase_has_one_name_in_answer_log_transition_operation_and_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    ruby, alice = performer(), person(tokens=500)
    item = item_in(menu_of(ruby), price=100)
    services.open_queue(performer_id=ruby.pk, actor=ruby)

    answer = post(alice, f"menus/items/{item.pk}/purchase", "purchase-0001", expectedPrice=100)

    assert (answer.status_code, answer.headers["X-Request-Id"]) == (201, "purchase-0001")
    queued = answer.json()["queueItem"]
    assert logged(caplog, "purchase-0001") == [("command", "menus.purchase")]
    assert Transition.objects.get(item_id=queued["id"]).request_id == "purchase-0001"
    assert Operation.objects.get(hold_id=queued["holdId"]).meta["requestId"] == "purchase-0001"
    told = EventRow.objects.filter(request_id="purchase-0001").values_list("key", flat=True)
    assert set(told) == {"queue.item.created", "queue.item.next_notice"}


def test_what_a_command_leaves_to_a_worker_keeps_its_name(
    caplog: pytest.LogCaptureFixture, headers_sent: list[dict[str, Any]], empty_queue: None
) -> None:
    caplog.set_level("INFO")
    ruby, alice, desk = performer(depth=60, user_cap=60), person(tokens=500), staff()
    items = [buy(alice, ruby, 1) for _ in range(services.MOST + 1)]

    answer = post(desk, "admin/queue/refunds", "refund-0001", ids=[str(item.id) for item in items], reason="x")

    assert answer.status_code == 202
    assert logged(caplog, "refund-0001") == [("command", "admin.refunds")]
    assert [(each["task"], each["request_id"]) for each in headers_sent] == [("perfqueue.work_runs", "refund-0001")]
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        run = until_ended(answer.json()["runId"])
    assert {again(item).state for item in items} == {"refunded"}
    steps = Transition.objects.filter(to_state="refunded").values_list("request_id", flat=True)
    assert (set(steps), len(steps)) == ({"refund-0001"}, run.total)
    assert EventRow.objects.filter(key="queue.item.refunded", request_id="refund-0001").count() == run.total


def until_ended(run_id: str) -> Run:
    """The run, once the worker has ended it."""
    for _ in range(400):
        run = Run.objects.get(pk=run_id)
        if run.ended_at is not None:
            return run
        threading.Event().wait(0.05)
    raise AssertionError("the worker did not end the run")
