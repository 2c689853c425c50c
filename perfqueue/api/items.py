"""Endpoints of queue items: one to read, one's own, and the commands on one."""

from collections.abc import Callable, Collection
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from accounts.models import SUPPORT_ROLES, Role
from core.errors import Forbidden
from core.fields import Amount, Body, Page, StrictChar, StrictChoice
from core.idempotency import Answer, Aside
from escrow.errors import SplitMismatch, WalletFrozen
from perfqueue import errors, services, shapes
from perfqueue.api.gated import ItemListEndpoint, QueueEndpoint
from perfqueue.models import QueueItem
from perfqueue.services import ItemFacts, State

OPERATORS = (Role.PERFORMER, *SUPPORT_ROLES)


class Reason(Body):
    reason = StrictChar(required=False, max_length=500, default="", allow_blank=True)


class ItemCommand(QueueEndpoint):
    """A keyed command on one item: calls `command` with the members of its `Input`; answers 200 with the QueueItem."""

    roles: ClassVar[Collection[str]] = OPERATORS
    Input: ClassVar[type[Serializer]] = Reason
    Output = shapes.QueueItemOut
    refuses: ClassVar[Any] = (Forbidden, errors.InvalidTransition)
    command: ClassVar[Callable[..., ItemFacts]]

    def known(self, request: Request, key: str, aside: Aside | None = None) -> Answer | None:
        self.due = self.gate().aside()
        return super().known(request, key, self.due)

    def before_command(self) -> None:
        self.gate().expire(self.due.values)

    def post(self, request: Request, item_id: UUID) -> HttpResponse:
        viewer = self.actor
        return self.once(
            work=lambda: type(self).command(item_id=item_id, actor=viewer, **self.data),
            prepare=lambda item: services.item_view(item, viewer=viewer),
        )


class StartItem(ItemCommand):
    """Start the head of the performer's queue.

    With a reason, staff may start another item than the head.
    """

    operation, command = "queue.start", staticmethod(services.start)
    refuses = (
        *ItemCommand.refuses,
        errors.NotHeadOfQueue,
        errors.AlreadyStarted,
        errors.QueuePaused,
        errors.RopeDropExpired,
    )


class FinishItem(ItemCommand):
    """Finish the started item: settle all of the hold, or split it.

    One amount implies the other. A split needs a reason.
    """

    operation, command = "queue.finish", staticmethod(services.finish)
    refuses = (*ItemCommand.refuses, errors.DeadlinePassed, SplitMismatch, WalletFrozen)

    class Input(Reason):
        settleTokens = Amount(source="settle", required=False, min_value=0)
        refundTokens = Amount(source="refund", required=False, min_value=0)


class AbandonItem(ItemCommand):
    """Abandon the started item; the buyer is refunded, or staff review it."""

    operation, command = "queue.abandon", staticmethod(services.abandon)


class RefundItem(ItemCommand):
    """Refund an item that waits or is started."""

    operation, command = "queue.refund", staticmethod(services.refund)


class LeaveItem(ItemCommand):
    """Leave the queue with one's own item; it is refunded."""

    roles, operation, Input = (Role.USER,), "queue.leave", Body
    command = staticmethod(services.leave)


class ItemDetail(QueueEndpoint):
    """Show an item: in full to those concerned, in brief to others."""

    etag, Output = True, shapes.QueueItemSeenOut

    def get(self, request: Request, item_id: UUID) -> HttpResponse:
        return self.answer(services.item_view(services.item_for(item_id), viewer=self.actor))


class ItemQuery(Page):
    mine = serializers.BooleanField(required=False, default=True)
    state = StrictChoice(required=False, choices=State.choices)
    fulfilment = StrictChoice(required=False, choices=services.Fulfilment.choices)


class ItemList(ItemListEndpoint):
    """List one's own items, newest first.

    A performer's are those that buyers asked her for.
    """

    etag, Query = True, ItemQuery

    def found(self) -> QuerySet[QueueItem]:
        filters = {name: self.query[name] for name in ("state", "fulfilment") if name in self.query}
        return services.items_of(self.actor).filter(**filters).defer("description", "metadata")
