"""A queue's revision counts up with whatever changes what is read of the queue, and only then."""

import pytest
from django.db import connection, transaction

from accounts.models import User
from core.db import command
from perfqueue import services
from perfqueue.models import PerformerQueue, QueueItem
from tests.world import buy, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


def revision(of: User) -> int:
    return PerformerQueue.objects.values_list("revision", flat=True).get(pk=of.pk)


@pytest.fixture
def ruby() -> User:
    return performer()


@pytest.fixture
def alice() -> User:
    return person(tokens=1_000)


def test_every_step_of_an_item_is_a_new_revision(ruby: User, alice: User) -> None:
    seen = [revision(ruby)]

    item = buy(alice, ruby)
    seen.append(revision(ruby))
    services.start(item_id=item.pk, actor=ruby)
    seen.append(revision(ruby))
    services.finish(item_id=item.pk, actor=ruby)
    seen.append(revision(ruby))

    assert seen == sorted(set(seen))


def test_a_transaction_of_many_updates_counts_once(ruby: User, alice: User) -> None:
    items, before = [buy(alice, ruby) for _ in range(2)], revision(ruby)

    with transaction.atomic():
        for item in items:
            QueueItem.objects.filter(pk=item.pk).update(title="Another song")
            QueueItem.objects.filter(pk=item.pk).update(third_noticed=True)

    assert revision(ruby) == before + 1


def test_an_item_without_its_queue_row_is_a_new_revision(ruby: User, alice: User) -> None:
    item, before = buy(alice, ruby), revision(ruby)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE perfqueue_queueitem SET title = 'B' WHERE id = %s", [item.pk])

    assert revision(ruby) == before + 1


def test_a_queue_that_rolled_back_keeps_its_revision(ruby: User, alice: User) -> None:
    item, before = buy(alice, ruby), revision(ruby)

    with transaction.atomic():
        QueueItem.objects.filter(pk=item.pk).update(title="Another song")
        transaction.set_rollback(True)

    assert revision(ruby) == before


def test_a_revision_cannot_be_set_back(ruby: User) -> None:
    before = revision(ruby)

    command(lambda: services.pause_queue(performer_id=ruby.pk, actor=ruby))
    PerformerQueue.objects.filter(pk=ruby.pk).update(revision=before)

    assert revision(ruby) == before + 2


def test_other_queues_keep_their_revision(ruby: User, alice: User) -> None:
    other = performer()
    before = revision(other)

    buy(alice, ruby)

    assert revision(other) == before
