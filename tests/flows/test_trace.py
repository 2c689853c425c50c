"""One request id from the endpoint to the worker: what a command leaves behind under one name."""

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
from menus.tests.factories import item_in, menu_of
from perfqueue import services
from perfqueue.models import QueueItem, Run, Transition
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


def test_a_purchase_and_its_refund_leave_one_name_each_wherever_they_pass(
    caplog: pytest.LogCaptureFixture, headers_sent: list[dict[str, Any]], empty_queue: None
) -> None:
    caplog.set_level("INFO")
    ruby, alice, support = performer(depth=60, user_cap=60), person(tokens=500), staff()
    song = item_in(menu_of(ruby), price=100)
    others = [buy(alice, ruby, 1) for _ in range(services.MAX_BULK_ITEMS)]

    bought = post(alice, f"menus/items/{song.pk}/purchase", "purchase-0001", expectedPrice=100)
    assert (bought.status_code, bought.headers["X-Request-Id"]) == (201, "purchase-0001")
    item = again(QueueItem(pk=bought.json()["queueItem"]["id"]))
    assert logged(caplog, "purchase-0001") == [("command", "menus.purchase")]
    assert trace_of(item, "purchase-0001") == (["created"], ["hold"], ["queue.item.created"])

    ids = [str(each.id) for each in (item, *others)]
    asked = post(support, "admin/queue/refunds", "refund-0001", ids=ids, reason="power cut")
    assert asked.status_code == 202
    assert logged(caplog, "refund-0001") == [("command", "admin.refunds")]
    assert [(each["task"], each["request_id"]) for each in headers_sent] == [("perfqueue.work_runs", "refund-0001")]
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        run = until_ended(asked.json()["runId"])

    assert trace_of(item, "refund-0001") == (["refunded"], ["refund"], ["queue.item.refunded"])
    steps = Transition.objects.filter(to_state="refunded").values_list("request_id", flat=True)
    assert (set(steps), len(steps)) == ({"refund-0001"}, run.total)
    assert {each["request_id"] for each in headers_sent} == {"refund-0001"}


def trace_of(item: QueueItem, name: str) -> tuple[list[str], list[str], list[str]]:
    """What one request did to an item: its transitions, the ledger's operations, the events."""
    return (
        list(Transition.objects.filter(item=item, request_id=name).values_list("to_state", flat=True)),
        list(Operation.objects.filter(hold_id=item.hold_id, meta__requestId=name).values_list("kind", flat=True)),
        list(EventRow.objects.filter(variables__itemId=str(item.pk), request_id=name).values_list("key", flat=True)),
    )


def until_ended(run_id: str) -> Run:
    """The run, once the worker has ended it."""
    for _ in range(400):
        run = Run.objects.get(pk=run_id)
        if run.ended_at is not None:
            return run
        threading.Event().wait(0.05)
    raise AssertionError("the worker did not end the run")
