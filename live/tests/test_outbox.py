"""Events commit or roll back with their transaction, and are never changed."""

from datetime import timedelta
from typing import Any

import pytest
import structlog
from django.db import IntegrityError, connection, transaction

from core.clock import db_now
from core.db import rows
from core.ids import new_id
from live import services
from live.models import EventRow, MessageTemplate
from live.services import Event, emit
from live.tasks import prune
from live.templates import EVENT_TYPES, fill
from live.tests.harness import rendered, writer
from tests.world import staff

pytestmark = pytest.mark.django_db(transaction=True)
ROOM, BUYER, ITEM = new_id(), new_id(), new_id()


def test_events_are_written_in_order_by_one_statement(django_assert_num_queries: Any) -> None:
    events = [
        Event("queue.item.created", {"itemId": ITEM, "title": "Sóng"}, room_id=ROOM, recipient_id=BUYER),
        Event("slots.spin", {"payout": 40}, recipient_id=BUYER),
        Event("queue.item.next_notice", {}, recipient_id=BUYER),
    ]

    with structlog.contextvars.bound_contextvars(request_id="request-1"), transaction.atomic():
        with django_assert_num_queries(1):
            emit(events)
        written = rows("SELECT *, xid = pg_current_xact_id() AS ours FROM live_event ORDER BY id")

    assert [row["key"] for row in written] == ["queue.item.created", "slots.spin", "queue.item.next_notice"]
    assert [(row["room"], row["recipient"]) for row in written] == [(ROOM, BUYER), (None, BUYER), (None, BUYER)]
    assert EventRow.objects.order_by("id")[0].variables == {"itemId": str(ITEM), "title": "Sóng"}
    assert all(row["ours"] and row["request_id"] == "request-1" for row in written)


def test_no_events_cost_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        emit([])


def test_a_transaction_that_rolls_back_emits_nothing() -> None:
    def undone() -> None:
        with transaction.atomic():
            emit([Event("slots.spin", {}, recipient_id=BUYER)])
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        undone()

    assert not EventRow.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE live_event SET key = 'x'",
        "DELETE FROM live_event",
        "TRUNCATE live_event",
        "DELETE FROM live_event WHERE false",
    ],
)
def test_an_event_is_never_changed(change: str) -> None:
    emit([Event("slots.spin", {}, recipient_id=BUYER)])

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert EventRow.objects.count() == 1


def test_a_key_is_a_template_key() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        emit([Event("slots.spin\ndata: forged", {}, recipient_id=BUYER)])


def written(*hours_ago: int) -> list[int]:
    """Write events of that age, in this order; return their ids."""
    now = db_now()
    made = [
        EventRow(key="slots.spin", variables={}, recipient=BUYER, at=now - timedelta(hours=ago)) for ago in hours_ago
    ]
    return [event.pk for event in EventRow.objects.bulk_create(made)]


def kept() -> list[int]:
    return list(EventRow.objects.order_by("id").values_list("pk", flat=True))


def test_old_events_are_pruned_but_the_newest_of_them_and_deleting_is_refused_again() -> None:
    _, _, newest, fresh = written(27, 26, 25, 23)

    assert services.prune() == 2

    assert kept() == [newest, fresh]
    with pytest.raises(IntegrityError), transaction.atomic():
        EventRow.objects.all()._raw_delete(using="default")


def test_reference_templates_are_seeded_once_and_edits_stay() -> None:
    services.seed_reference()
    services.edit_template(key="slots.spin", text="Reels stopped.", actor=staff())

    services.seed_reference()

    assert MessageTemplate.objects.count() == len(EVENT_TYPES) + 1
    assert rendered("slots.spin", {}) == "Reels stopped."


def test_the_highest_version_speaks() -> None:
    services.seed_reference()
    MessageTemplate.objects.create(key="slots.spin", version=2, text="You got $payout.")

    assert rendered("slots.spin", {"payout": 40}) == "You got 40."


def test_templates_are_filled_by_name_only() -> None:
    assert fill("$title costs $$5, {0.__class__} $unknown", {"title": "$nonce"}) == (
        "$nonce costs $5, {0.__class__} $unknown"
    )
    assert rendered("never.heard", {}) == ""


def test_pruning_twice_is_harmless() -> None:
    written(26, 25)

    assert [prune(), prune()] == [1, 0]


def test_pruning_goes_on_in_batches_and_ends_at_the_first_event_that_is_kept() -> None:
    old = written(*[25] * 8)
    fresh = written(23, 25)

    assert services.prune(at_most=3) == 7

    assert kept() == [old[-1], *fresh]


def test_a_batch_of_pruning_reads_no_more_rows_than_it_may_delete() -> None:
    """A scan for old rows among millions of fresh ones would take minutes, every ten minutes."""
    written(*[1] * 500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE live_event")

    with transaction.atomic():
        before = _rows_read()
        assert services.prune(at_most=5) == 0
        assert _rows_read() - before == 5 + 1


def _rows_read() -> int:
    (counted,) = rows(
        "SELECT seq_tup_read + idx_tup_fetch AS total FROM pg_stat_xact_user_tables WHERE relname = 'live_event'"
    )
    return int(counted["total"])


def test_two_prunings_at_once_do_not_wait_for_each_other() -> None:
    written(26, 25)
    with writer() as first:
        first.execute("SELECT live_prune(before => now(), at_most => 10)")

        assert services.prune() == 0

        first.rollback()
    assert services.prune() == 1
