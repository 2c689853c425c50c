"""What the queues hold about a person."""

from collections.abc import Iterator
from uuid import UUID

from core.own_data import Section, section
from perfqueue.models import Block, PerformerQueue, QueueItem, Strike


def own_data(user_id: UUID) -> Iterator[Section]:
    """Return a person's queue items, and a performer's queue, blocks and strikes."""
    yield section("queueItems", QueueItem.objects.filter(user_id=user_id), of="user", but=("metadata",))
    yield section("queue", PerformerQueue.objects.filter(performer_id=user_id), of="performer", by="performer_id")
    yield section("blocks", Block.objects.filter(performer_id=user_id), of="performer")
    yield section("strikes", Strike.objects.filter(performer_id=user_id), of="performer")
