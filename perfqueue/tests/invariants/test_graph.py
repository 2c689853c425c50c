"""The lifecycle and the rules of an item, held by the database against raw SQL."""

from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django_fsm import TransitionNotAllowed

from core.clock import db_now
from core.db import rows
from core.ids import new_id
from perfqueue import services
from perfqueue.models import QueueItem, Strike
from perfqueue.services import AbandonPolicy, State
from tests.world import again, available, buy, held, performer, person

pytestmark = pytest.mark.django_db(transaction=True)

EDGES = {
    ("created", "started"),
    ("created", "abandoned"),
    ("created", "refunded"),
    ("started", "finished"),
    ("started", "abandoned"),
    ("started", "refunded"),
    ("abandoned", "refunded"),
    ("abandoned", "finished"),
}
STAYS = {(state, state) for state in ("created", "started", "abandoned")}  # timers and notices change in place
FACTS = {  # so that no CHECK speaks before the trigger
    "created": "settle_tokens = NULL, refund_tokens = NULL",
    "started": "settle_tokens = NULL, refund_tokens = NULL, rope_drop_at = NULL,"
    " started_at = core_now(), deadline_at = core_now()",
    "abandoned": "settle_tokens = NULL, refund_tokens = NULL, rope_drop_at = NULL, resolve_by = core_now()",
    "finished": "settle_tokens = 100, refund_tokens = 0, rope_drop_at = NULL, ended_at = core_now()",
    "refunded": "settle_tokens = 0, refund_tokens = 100, rope_drop_at = NULL, ended_at = core_now()",
}


def brought_to(state: str) -> QueueItem:
    """An item in that state, by the commands that lead there."""
    ruby, alice = performer(abandon_policy=AbandonPolicy.REVIEW), person(tokens=100)
    item = buy(alice, ruby, 100)
    if state in ("started", "finished", "abandoned"):
        services.start(item_id=item.id, actor=ruby)
    match state:
        case "finished":
            services.finish(item_id=item.id, actor=ruby)
        case "abandoned":
            services.abandon(item_id=item.id, actor=ruby)
        case "refunded":
            services.leave(item_id=item.id, actor=alice)
    assert again(item).state == state
    return item


def write(sql: str, *params: Any) -> int:
    """Run a statement and roll it back; return how many rows it wrote."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        count: int = cursor.rowcount
        transaction.set_rollback(True)
    return count


@pytest.mark.parametrize(("source", "target"), list(product(State.values, State.values)))
def test_only_the_lifecycles_edges_pass(source: str, target: str) -> None:
    item = brought_to(source)
    move = f"UPDATE perfqueue_queueitem SET state = '{target}', {FACTS[target]} WHERE id = %s"  # noqa: S608  ours

    if (source, target) in EDGES | STAYS:
        assert write(move, item.id) == 1
        return
    final = source in ("finished", "refunded")
    with pytest.raises(IntegrityError, match="is final" if final else "no step of the lifecycle"):
        write(move, item.id)


def test_the_models_graph_is_the_databases() -> None:
    declared = {
        (source.value, transition.target.value)
        for transition in QueueItem().get_all_state_transitions()  # type: ignore[attr-defined]
        for source in [transition.source]
    }

    assert declared == EDGES


def test_the_state_cannot_be_set_past_the_graph() -> None:
    item = brought_to("created")

    with pytest.raises(AttributeError):
        item.state = State.FINISHED
    with pytest.raises(TransitionNotAllowed):
        item.finish(now=db_now(), settle=100, refund=0)


@pytest.mark.parametrize("state", ["finished", "refunded"])
@pytest.mark.parametrize("change", ["title = 'x'", "reason = 'x'", "settle_tokens = 1", "metadata = '{}'", "turn = 9"])
def test_what_is_final_never_changes(state: str, change: str) -> None:
    item = brought_to(state)

    with pytest.raises(IntegrityError, match="is final"):
        write(f"UPDATE perfqueue_queueitem SET {change} WHERE id = %s", item.id)  # noqa: S608  ours


TERMS = {
    "user_id": "performer_id",
    "performer_id": "user_id",
    "tokens": "tokens + 1",
    "currency": "'POINT'",
    "fulfilment": "'instant'",
    "source_feature": "'x'",
    "idempotency_key": "'x'",
    "fee_bps": "fee_bps + 1",
    "award": "award + 1",
    "turn": "turn + 1",
    "created_at": "created_at + interval '1 s'",
}


def test_an_item_keeps_its_terms_and_its_place() -> None:
    item = brought_to("created")

    for column, value in TERMS.items():
        with pytest.raises(IntegrityError, match="keeps its terms"):
            write(f"UPDATE perfqueue_queueitem SET {column} = {value} WHERE id = %s", item.id)  # noqa: S608  ours


BROKEN = {
    "finished without amounts": ("started", "state = 'finished', ended_at = core_now()", "final_amounts_add_up"),
    "refunded without amounts": ("created", "state = 'refunded', ended_at = core_now()", "final_amounts_add_up"),
    "finished without an end": (
        "started",
        "state = 'finished', settle_tokens = 100, refund_tokens = 0",
        "final_amounts_add_up",
    ),
    "finished for more": (
        "started",
        "state = 'finished', settle_tokens = 101, refund_tokens = 0, ended_at = core_now()",
        "final_amounts_add_up",
    ),
    "finished for less": (
        "started",
        "state = 'finished', settle_tokens = 60, refund_tokens = 39, ended_at = core_now()",
        "final_amounts_add_up",
    ),
    "finished by a negative refund": (
        "started",
        "state = 'finished', settle_tokens = 101, refund_tokens = -1, ended_at = core_now()",
        "final_amounts_add_up",
    ),
    "finished for nothing": (
        "started",
        "state = 'finished', settle_tokens = 0, refund_tokens = 100, ended_at = core_now()",
        "finish_pays",
    ),
    "refunded in part": (
        "created",
        "state = 'refunded', settle_tokens = 1, refund_tokens = 99, ended_at = core_now(), rope_drop_at = NULL",
        "refund_is_whole",
    ),
    "amounts before the end": ("created", "settle_tokens = 100, refund_tokens = 0", "final_amounts_add_up"),
    "a stage without a deadline": (
        "created",
        "state = 'started', started_at = core_now(), rope_drop_at = NULL",
        "started_has_deadline",
    ),
    "a rope drop on the stage": ("started", "rope_drop_at = core_now()", "rope_drop_only_created"),
    "a rope drop kept on the stage": ("started", "rope_drop_left_ms = 1", "rope_drop_only_created"),
    "a review without an end": ("started", "state = 'abandoned'", "review_has_end"),
    "an unknown state": ("created", "state = 'paused'", "no step of the lifecycle"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_facts_that_do_not_fit_the_state_are_refused(case: str) -> None:
    state, change, message = BROKEN[case]
    item = brought_to(state)

    with pytest.raises(IntegrityError, match=message):
        write(f"UPDATE perfqueue_queueitem SET {change} WHERE id = %s", item.id)  # noqa: S608  ours


def test_one_started_item_per_performer() -> None:
    ruby, alice = performer(), person(tokens=200)
    first, second = buy(alice, ruby), buy(alice, ruby)
    services.start(item_id=first.id, actor=ruby)
    move = f"UPDATE perfqueue_queueitem SET state = 'started', {FACTS['started']} WHERE id = %s"  # noqa: S608  ours

    with pytest.raises(IntegrityError, match="perfqueue_one_started"):
        write(move, second.id)


INSERT = """
INSERT INTO perfqueue_queueitem
SELECT (jsonb_populate_record(i, jsonb_build_object('id', %s::text, 'hold_id', %s::text, 'turn', 99,
        'idempotency_key', %s::text, 'rope_drop_at', NULL) || %s::jsonb)).*
  FROM perfqueue_queueitem i WHERE id = %s
"""


def insert(item: QueueItem, changes: str = "{}", *, hold_id: UUID | None = None, key: str | None = None) -> int:
    """A copy of an item with another id, hold, key and place, and with changes."""
    other = hold_id or held(item.user, item.performer, 100).hold_id  # type: ignore[arg-type]
    return write(INSERT, str(new_id()), str(other), key or str(new_id()), changes, item.id)


@pytest.fixture
def item() -> QueueItem:
    return buy(person(tokens=300), performer(), 100)


def test_a_valid_copy_is_accepted(item: QueueItem) -> None:
    """Else the tests below would show nothing."""
    assert insert(item) == 1


def test_a_hold_and_a_key_serve_one_item(item: QueueItem) -> None:
    with pytest.raises(IntegrityError, match="hold_id"):
        insert(item, hold_id=item.hold_id)
    with pytest.raises(IntegrityError, match="perfqueue_intake_once"):
        insert(item, key=item.idempotency_key)
    with pytest.raises(IntegrityError, match="perfqueue_turn_once"):
        insert(item, f'{{"turn": {item.turn}}}')


@pytest.mark.parametrize("state", sorted(set(State.values) - {"created"}))
def test_a_performed_item_begins_created(item: QueueItem, state: str) -> None:
    with pytest.raises(IntegrityError, match="cannot begin as"):
        insert(item, f'{{"state": "{state}"}}')


@pytest.mark.parametrize("state", sorted(set(State.values) - {"finished"}))
def test_an_instant_item_begins_finished(item: QueueItem, state: str) -> None:
    with pytest.raises(IntegrityError, match="cannot begin as"):
        insert(item, f'{{"state": "{state}", "fulfilment": "instant", "turn": null}}')


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ('{"performer_id": null}', "performed_has_turn"),
        ('{"turn": null}', "performed_has_turn"),
        ('{"currency": "POINT"}', "performed_has_turn"),
        ('{"tokens": 0}', "tokens_positive"),
        ('{"award": -1}', "award_not_negative"),
        ('{"award": 5}', "award_for_instant_items"),
        ('{"fulfilment": "instant", "state": "finished"}', "perfqueue_"),
    ],
)
def test_an_inconsistent_item_is_refused(item: QueueItem, changes: str, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        insert(item, changes)


def test_items_transitions_and_strikes_are_kept(item: QueueItem) -> None:
    assert item.performer_id is not None
    Strike.objects.create(performer_id=item.performer_id, item=item, cause="ROPE_DROP_EXPIRED")

    for table in ("perfqueue_queueitem", "perfqueue_transition", "perfqueue_strike"):
        for sql in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):  # noqa: S608  ours
            with pytest.raises(IntegrityError, match="append-only"):
                write(sql)
    for table in ("perfqueue_transition", "perfqueue_strike"):
        with pytest.raises(IntegrityError, match="append-only"):
            write(f"UPDATE {table} SET cause = '' WHERE false")  # noqa: S608  ours


@pytest.mark.parametrize(
    "change",
    ["depth = 0", "depth = 201", "user_cap = 0", "rope_drop_s = 0", "rope_drop_s = 901", "abandon_policy = 'pay'",
     "presence = 'there'"],
)  # fmt: skip
def test_a_queues_settings_stay_in_their_ranges(change: str) -> None:
    ruby = performer()

    with pytest.raises(IntegrityError, match="perfqueue_"):
        write(f"UPDATE perfqueue_performerqueue SET {change} WHERE performer_id = %s", ruby.pk)  # noqa: S608  ours


def test_naming_an_escrow_function_in_a_comment_gives_no_access_to_a_wallet() -> None:
    buyer = person(tokens=1_000)
    forged = (
        "DO $$ BEGIN EXECUTE 'UPDATE escrow_wallet SET available = available + 1, version = version + 1"
        " /* function escrow_hold( */'; END $$"
    )

    with pytest.raises(IntegrityError, match="escrow functions only"):
        rows(forged)

    assert available(buyer) == 1_000
