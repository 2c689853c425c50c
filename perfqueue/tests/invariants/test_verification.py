"""V7 and V8 each find where queue and ledger differ."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.db import connection

import escrow.services
from escrow.tests.factories import tampering
from perfqueue import services
from tests.clock import Clock
from tests.world import buy, held, performer, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]


@dataclass(frozen=True)
class Books:
    """The hold and item ids of one that waits, one that is finished and one that is refunded."""

    waiting_item: UUID
    waiting_hold: UUID
    finished_item: UUID
    finished_hold: UUID
    refunded_hold: UUID


@pytest.fixture
def books() -> Books:
    ruby, alice = performer(), person(tokens=1_000)
    done, back, waits = buy(alice, ruby), buy(alice, ruby), buy(alice, ruby)
    services.start(item_id=done.id, actor=ruby)
    services.finish(item_id=done.id, actor=ruby, settle=61, reason="half")
    services.leave(item_id=back.id, actor=alice)
    assert services.verify() == []
    return Books(waits.id, waits.hold_id, done.id, done.hold_id, back.hold_id)


Tampering = tuple[str, Callable[[Books], UUID], set[str]]
OPEN_AGAIN = "UPDATE escrow_hold SET status = 'HELD', captured = 0, released = 0, closed_at = NULL WHERE id = %s"
TAMPERINGS: dict[str, Tampering] = {
    "an open hold under a finished item": (OPEN_AGAIN, lambda books: books.finished_hold, {"V7", "V8"}),
    "an open hold under a refunded item": (OPEN_AGAIN, lambda books: books.refunded_hold, {"V7"}),
    "a closed hold under a waiting item": (
        "UPDATE escrow_hold SET status = 'REFUNDED', released = amount, closed_at = core_now() WHERE id = %s",
        lambda books: books.waiting_hold,
        {"V7"},
    ),
    "an item that says another split": (
        "UPDATE perfqueue_queueitem SET settle_tokens = 62, refund_tokens = 38 WHERE id = %s",
        lambda books: books.finished_item,
        {"V8"},
    ),
    "a settlement gone": (
        "DELETE FROM escrow_operation WHERE hold_id = %s AND kind = 'split'",
        lambda books: books.finished_hold,
        {"V8"},
    ),
    "a settlement twice": (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id)"
        " VALUES (gen_random_uuid(), 's', 'k', '', 'settle', %s)",
        lambda books: books.finished_hold,
        {"V8"},
    ),
    "a settlement under a waiting item": (
        "INSERT INTO escrow_operation (id, scope, key, fingerprint, kind, hold_id)"
        " VALUES (gen_random_uuid(), 's', 'k', '', 'settle', %s)",
        lambda books: books.waiting_hold,
        {"V8"},
    ),
    "a settled item gone": (
        "DELETE FROM perfqueue_queueitem WHERE id = %s",
        lambda books: books.finished_item,
        {"V8"},
    ),
}


@pytest.mark.parametrize("named", TAMPERINGS)
def test_a_tampering_is_found(books: Books, named: str) -> None:
    sql, subject, found_by = TAMPERINGS[named]

    with tampering(), connection.cursor() as cursor:
        cursor.execute(sql, [subject(books)])
        assert cursor.rowcount == 1

    assert {finding.check for finding in services.verify()} == found_by


def test_a_hold_without_an_item_may_outlive_its_expiry_by_a_minute(clock: Clock) -> None:
    opened = held(person(tokens=100), performer())

    clock.shift(seconds=359)
    assert services.verify() == []
    clock.shift(seconds=2)
    assert [(finding.check, finding.subject) for finding in services.verify()] == [("V7", str(opened.hold_id))]

    services.sweep("test")
    assert services.verify() == []
    assert escrow.services.verify() == []
