"""Endpoints of queue items: one to read, one's own, and the commands on one."""

from collections.abc import Callable, Collection
from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from accounts.models import SUPPORT_ROLES, Role
from core.fields import Amount, Body, Page, StrictChar, StrictChoice
from perfqueue import services, shapes
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
    command: ClassVar[Callable[..., ItemFacts]]

    def post(self, request: Request, item_id: UUID) -> HttpResponse:
        viewer = self.actor
        return self.once(
            work=lambda: type(self).command(item_id=item_id, actor=viewer, **self.data),
            prepare=lambda item: services.item_view(item, viewer=viewer),
        )


class StartItem(ItemCommand):
    """POST /queue/items/{id}/start {reason?}: with a reason, staff may start another than the head. 200; 404;
    409 NOT_HEAD_OF_QUEUE, ALREADY_STARTED, QUEUE_PAUSED, ROPE_DROP_EXPIRED, INVALID_TRANSITION."""

    operation, command = "queue.start", staticmethod(services.start)


class FinishItem(ItemCommand):
    """POST /queue/items/{id}/finish. 200; 400; 404; 409 INVALID_TRANSITION, DEADLINE_PASSED; 422 SPLIT_MISMATCH."""

    operation, command = "queue.finish", staticmethod(services.finish)

    class Input(Reason):
        settleTokens = Amount(source="settle", required=False, min_value=0)
        refundTokens = Amount(source="refund", required=False, min_value=0)


class AbandonItem(ItemCommand):
    """POST /queue/items/{id}/abandon. 200; 404; 409 INVALID_TRANSITION."""

    operation, command = "queue.abandon", staticmethod(services.abandon)


class RefundItem(ItemCommand):
    """POST /queue/items/{id}/refund. 200; 404; 409 INVALID_TRANSITION."""

    operation, command = "queue.refund", staticmethod(services.refund)


class LeaveItem(ItemCommand):
    """POST /queue/items/{id}/leave. 200; 403; 404; 409 INVALID_TRANSITION."""

    roles, operation, Input = (Role.USER,), "queue.leave", Body
    command = staticmethod(services.leave)


class ItemDetail(QueueEndpoint):
    """GET /queue/items/{id}. 200, in full for those concerned; 304 to a known ETag; 404."""

    etag, Output = True, shapes.QueueItemSeenOut

    def get(self, request: Request, item_id: UUID) -> HttpResponse:
        return self.answer(services.item_view(services.item_for(item_id), viewer=self.actor))


class ItemQuery(Page):
    mine = serializers.BooleanField(required=False, default=True)
    state = StrictChoice(required=False, choices=State.choices)
    fulfilment = StrictChoice(required=False, choices=services.Fulfilment.choices)


class ItemList(ItemListEndpoint):
    """GET /queue/items?mine=true. 200: one's own items, newest first; of a performer, those that buyers asked for.
    304 to a known ETag."""

    etag, Query = True, ItemQuery

    def found(self) -> QuerySet[QueueItem]:
        filters = {name: self.query[name] for name in ("state", "fulfilment") if name in self.query}
        return services.items_of(self.actor).filter(**filters).defer("description", "metadata")
