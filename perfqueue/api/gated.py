"""The gate of endpoints about queues: what is due in a queue expires before it is read or changed."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from core.api import WRITES, Endpoint
from core.db import translated
from core.fields import Page
from perfqueue import services, shapes
from perfqueue.models import QueueItem
from perfqueue.services import Gate, ItemFacts, ItemView


class QueueEndpoint(Endpoint):
    """An endpoint about queues: of the performer or of the item in its path, unless it has a `gate` of its own.

    A read does not wait. A command does, in committed transactions of its own; a keyed one after the look-up of an
    earlier answer and before its key is locked.
    """

    def gate(self) -> Gate:
        if "performer_id" in self.kwargs:
            return Gate.of_performers([self.kwargs["performer_id"]])
        return Gate.of_items([self.kwargs["item_id"]])

    def before_command(self) -> None:
        self.gate().before_command()

    def _admit(self, request: Request) -> None:
        super()._admit(request)
        if request.method not in WRITES:
            self.gate().before_read()
        elif not self.operation:
            with translated():
                self.before_command()


class ItemListEndpoint(Endpoint):
    """A list of items. What is due in the queues of a page's items expires, then they are read again."""

    Query, Output = Page, shapes.QueueItemsOut

    def found(self) -> QuerySet[QueueItem]:
        raise NotImplementedError

    def get(self, request: Request) -> HttpResponse:
        return self.page(self.found(), prepare=self._current)

    def _current(self, items: Sequence[QueueItem]) -> list[ItemView]:
        in_queues = {item.performer_id for item in items if item.performer_id and item.turn and not item.is_final}
        if Gate.of_performers(in_queues).before_read():
            by_id = services.all_items().in_bulk([item.id for item in items])
            items = [by_id[item.id] for item in items]
        return services.item_views([ItemFacts.of(item) for item in items], viewer=self.actor)
