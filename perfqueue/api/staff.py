"""Endpoints of staff: all items with filters, refunds one by one and in bulk, splits under review."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import STAFF_ROLES, SUPPORT_ROLES
from core.api import Endpoint
from core.dispatch import request_run
from core.errors import ValidationFailed
from core.fields import Amount, Body, Digits, Page, StrictBool, StrictChar, StrictChoice, StrictInt, StrictUUID
from escrow.errors import SplitMismatch, WalletFrozen
from perfqueue import errors, services, shapes
from perfqueue.api.gated import ItemListEndpoint, QueueEndpoint
from perfqueue.api.items import ItemCommand
from perfqueue.models import QueueItem, Run, RunItem
from perfqueue.services import Gate, ItemFilter, State

MAX_AGE_S = 10 * 366 * 86_400


class StaffItemQuery(Page):
    state = StrictChoice(required=False, choices=State.choices)
    performerId = StrictUUID(source="performer_id", required=False)
    userId = StrictUUID(source="user_id", required=False)
    feature = StrictChar(required=False, max_length=40)
    key = StrictChar(required=False, max_length=128)
    minAgeSeconds = Digits(source="min_age_s", required=False, max_value=MAX_AGE_S)
    minTokens = Digits(source="min_tokens", required=False)
    maxTokens = Digits(source="max_tokens", required=False)
    overdue = serializers.BooleanField(required=False)


class StaffItems(ItemListEndpoint):
    """List all items, newest first."""

    roles, Query = STAFF_ROLES, StaffItemQuery

    def found(self) -> QuerySet[QueueItem]:
        filters = {name: value for name, value in self.query.items() if name not in ("cursor", "limit")}
        return services.filtered_items(ItemFilter(**filters))


class StaffRefund(ItemCommand):
    """Refund a buyer's item."""

    roles, operation, command = SUPPORT_ROLES, "admin.refund", staticmethod(services.refund)
    refuses = (errors.InvalidTransition,)

    class Input(Body):
        reason = StrictChar(max_length=500)


class StaffResolve(ItemCommand):
    """Decide an abandoned item under review: refund it, or split what is held."""

    roles, operation, command = SUPPORT_ROLES, "admin.resolve", staticmethod(services.resolve)
    refuses = (errors.InvalidTransition, SplitMismatch, WalletFrozen)

    class Input(Body):
        reason = StrictChar(max_length=500)
        settleTokens = Amount(source="settle", required=False, min_value=0)
        refundTokens = Amount(source="refund", required=False, min_value=0)


class Filter(Body):
    """Conditions on open items, at least one."""

    state = StrictChoice(required=False, choices=[each.value for each in services.OPEN_STATES])
    performerId = StrictUUID(source="performer_id", required=False)
    userId = StrictUUID(source="user_id", required=False)
    feature = StrictChar(required=False, max_length=40)
    key = StrictChar(required=False, max_length=128)
    minAgeSeconds = StrictInt(source="min_age_s", required=False, min_value=0, max_value=MAX_AGE_S)
    minTokens = Amount(source="min_tokens", required=False, min_value=0)
    maxTokens = Amount(source="max_tokens", required=False, min_value=0)
    overdue = StrictBool(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Say which items are meant.")
        return attrs


class RefundsIn(Body):
    ids = serializers.ListField(required=False, child=StrictUUID(), min_length=1, max_length=services.MAX_RUN_ITEMS)
    filter = Filter(required=False)
    reason = StrictChar(max_length=500)
    dryRun = StrictBool(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError({"ids": ["Give either ids or a filter."]})
        return attrs


@dataclass(frozen=True)
class Totals:
    """Items meant, items refunded (in a dry run: that would be), and their tokens."""

    items: int
    refunded: int
    tokens: int


@dataclass(frozen=True)
class Bulk:
    """Results at once, or the run that will have them."""

    results: list[services.ItemResult]
    run: Run | None = None

    @property
    def totals(self) -> Totals:
        refunded = [each.tokens for each in self.results if each.code is None]
        return Totals(len(self.results), len(refunded), sum(refunded))


@dataclass(frozen=True)
class RunView:
    """A run with its progress and the results that it has."""

    run: Run
    progress: services.Progress
    results: QuerySet[RunItem]

    @property
    def totals(self) -> Totals:
        return Totals(self.progress.total, self.progress.done, self.progress.refunded)


class StaffRefunds(QueueEndpoint):
    """Refund many items, named or found by a filter.

    Up to 50 items, and dry runs, are answered with their results. More become a run: 202, then
    `GET /admin/queue/refunds/{runId}`. At most 5,000.
    """

    roles, operation, Input = SUPPORT_ROLES, "admin.refunds", RefundsIn
    Output = {200: shapes.RefundsOut, 202: shapes.RunStartedOut}

    @cached_property
    def filters(self) -> dict[str, Any] | None:
        """The filter as it was sent; None if items were named."""
        return cast(dict[str, Any], self.request.data).get("filter")

    @cached_property
    def ids(self) -> list[UUID]:
        """The items named, or those that the filter finds. Looked up once, before what is due expires: an item that
        expires then has its result and is not left out.

        Raises:
            ValidationFailed: more than 5,000.
        """
        if self.filters is None:
            return list(dict.fromkeys(self.data["ids"]))
        found = services.open_items(ItemFilter(**self.data["filter"]), at_most=services.MAX_RUN_ITEMS + 1)
        if len(found) > services.MAX_RUN_ITEMS:
            raise ValidationFailed(filter=[f"More than {services.MAX_RUN_ITEMS} items: narrow it down."])
        return found

    def post(self, request: Request) -> HttpResponse:
        answer = self.once(
            work=self._preview if self.data["dryRun"] else self._done, status=lambda bulk: 202 if bulk.run else 200
        )
        if answer.status_code == 202:
            request_run(services.WORK_TASK)
        return answer

    def gate(self) -> Gate:
        """A run passes it item by item; a dry run changes nothing."""
        at_once = not self.data["dryRun"] and len(self.ids) <= services.MAX_BULK_ITEMS
        return Gate.of_items(self.ids if at_once else [])

    def _preview(self) -> Bulk:
        return Bulk(services.preview(item_ids=self.ids, action=services.RunAction.REFUND))

    def _done(self) -> Bulk:
        ids, reason = self.ids, self.data["reason"]
        if not ids:
            return Bulk([])
        if len(ids) <= services.MAX_BULK_ITEMS:
            done = services.refund_many(item_ids=ids, actor=self.actor, reason=reason, filters=self.filters)
            return Bulk(done)
        run = services.open_run(
            action=services.RunAction.REFUND, item_ids=ids, actor=self.actor, reason=reason, filters=self.filters
        )
        return Bulk([], run)


class RefundRun(Endpoint):
    """Show how far a run of refunds is, with each item's result so far."""

    roles, Output = STAFF_ROLES, shapes.RunOut

    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        run = services.run_of(run_id, action=services.RunAction.REFUND)
        return self.answer(RunView(run, services.progress(run), services.results(run)))
