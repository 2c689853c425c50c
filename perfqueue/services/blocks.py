"""Whom a performer keeps out of her line. A block sends the buyer's waiting requests home; what is on stage goes on."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Role, User
from core.errors import NotFound
from perfqueue.models import Block, Cause
from perfqueue.services.control import refund_created
from perfqueue.services.queues import assert_runs_queue, locked_queue


def block(*, performer_id: UUID, user_id: UUID, actor: User) -> Block:
    """Keep a buyer out from now on and give back what of theirs still waits (T3, `BUYER_BLOCKED`).

    Locks the line, the buyer's waiting items, their holds and wallet. Blocking again changes nothing.

    Raises:
        NotFound (no such line or buyer), Forbidden: nothing was written.
    """
    with locked_queue(performer_id) as queue:
        assert_runs_queue(actor, performer_id)
        if not User.objects.filter(pk=user_id, role=Role.USER).exists():
            raise NotFound
        blocked, _ = Block.objects.get_or_create(performer_id=performer_id, user_id=user_id)
        refund_created(queue, actor=None, reason=Cause.BLOCKED, user_id=user_id)
        return blocked


def unblock(*, performer_id: UUID, user_id: UUID, actor: User) -> None:
    """Let a buyer in again; nothing happens if they were not kept out.

    Raises:
        NotFound (no such line), Forbidden: nothing was written.
    """
    with locked_queue(performer_id):
        assert_runs_queue(actor, performer_id)
        Block.objects.filter(performer_id=performer_id, user_id=user_id).delete()


def blocks_of(performer_id: UUID) -> "QuerySet[Block]":
    """Whom she keeps out, with their names, to be paged."""
    return Block.objects.filter(performer_id=performer_id).select_related("user")
