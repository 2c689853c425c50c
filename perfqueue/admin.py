"""The line in the back office: staff look and give back, a performer looks at her own line and sets it up."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.backoffice import (
    STAFF_ROLES,
    ExactFilter,
    PersonFilter,
    ReasonForm,
    RoleAdmin,
    RoleInline,
    is_performer,
    signed_in,
)
from accounts.models import Role, User
from accounts.trails import Trail, lead
from core.db import command
from core.errors import DomainError
from perfqueue import services
from perfqueue.models import Fulfilment, PerformerQueue, QueueItem, Strike, Transition

WITH_PERFORMERS = STAFF_ROLES | {Role.PERFORMER.value}
REFUNDERS = frozenset({Role.SUPPORT.value, Role.ADMIN.value})
SETTINGS = ("depth", "user_cap", "rope_drop_s", "max_wait_s", "grace_s", "disconnect_s", "abandon_policy")


lead("escrow.hold", Trail("Queue item", "perfqueue.queueitem"))
lead(
    "perfqueue.queueitem",
    Trail("Transitions", "perfqueue.transition"),
    Trail("Operations of its hold", "escrow.operation", by="hold_id"),
    Trail("Entries of its hold", "escrow.entry", by="hold_id"),
    Trail("Strikes", "perfqueue.strike"),
)


class Performer(PersonFilter):
    title, parameter_name, lookup = "performer (name or id)", "performer", "performer"


class Buyer(PersonFilter):
    title, parameter_name, lookup = "user (name or id)", "user", "user"


class Feature(ExactFilter):
    title, parameter_name, lookup = "feature", "feature", "source_feature"


@dataclass(frozen=True)
class Result:
    """What became of one chosen item; ``refusal`` is empty when its tokens went back."""

    item: QueueItem
    refusal: str


class TransitionLines(RoleInline):
    model = Transition
    view_roles = WITH_PERFORMERS
    owner_path, parent_owner_path = "item__performer", "performer"
    fields = readonly_fields = ("at", "from_state", "to_state", "actor", "reason", "request_id")
    ordering = ("id",)


@admin.register(QueueItem)
class QueueItemAdmin(RoleAdmin):
    """Items, read-only. Giving back is an action: a dry run with totals, a reason, then one command per item."""

    view_roles = WITH_PERFORMERS
    owner_path = "performer"
    inlines = (TransitionLines,)
    actions = ("refund_items",)
    list_display = (
        "id",
        "created_at",
        "state",
        "performer",
        "user",
        "title",
        "tokens",
        "currency",
        "settle_tokens",
        "refund_tokens",
        "source_feature",
        "reason",
    )
    list_filter = ("state", "fulfilment", Performer, Buyer, Feature)
    list_select_related = ("performer", "user")
    id_fields = ("pk", "user", "performer", "hold")
    person_fields = ("user", "performer")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueueItem]:
        items: QuerySet[QueueItem] = super().get_queryset(request)
        return items.filter(fulfilment=Fulfilment.PERFORMED) if is_performer(request) else items

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return self.may(request, REFUNDERS)

    @admin.action(description="Refund the chosen items…", permissions=["refund"])
    def refund_items(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> HttpResponse | None:
        chosen = list(queryset.order_by("id")[: services.MOST + 1])
        if len(chosen) > services.MOST:
            self.message_user(request, f"Choose {services.MOST} items at most. Nothing was refunded.", messages.ERROR)
            return None
        form = ReasonForm(request.POST if "apply" in request.POST else None)
        if form.is_valid():
            return self._refunded(request, chosen, form.cleaned_data["reason"])
        return self._asked(request, chosen, form)

    def _asked(self, request: HttpRequest, chosen: list[QueueItem], form: ReasonForm) -> HttpResponse:
        """Show what would be given back and ask for the reason."""
        ids, actor = [item.pk for item in chosen], signed_in(request)
        foreseen = command(lambda: services.refund_many(item_ids=ids, actor=actor, reason="", dry_run=True))
        codes = {each.item_id: each.code or "" for each in foreseen}
        context = {
            "title": "Refund items",
            "form": form,
            "results": [Result(item, codes[item.pk]) for item in chosen],
            "refundable": sum(not code for code in codes.values()),
            "totals": _totals([item for item in chosen if not codes[item.pk]]),
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return self._page(request, "admin/perfqueue/refund.html", context)

    def _refunded(self, request: HttpRequest, chosen: list[QueueItem], reason: str) -> HttpResponse:
        """Give back item by item, each in a transaction of its own; show one result per item."""
        results = [Result(item, self._refund(signed_in(request), item, reason)) for item in chosen]
        done = [result.item for result in results if not result.refusal]
        for item in done:
            self.log_change(request, item, "Refunded by action.")
        context = {"title": "Refunds", "results": results, "refundable": len(done), "totals": _totals(done)}
        return self._page(request, "admin/perfqueue/refunded.html", context)

    def _refund(self, actor: User, item: QueueItem, reason: str) -> str:
        performer_id = item.performer_id
        try:
            command(
                lambda: services.refund(item_id=item.pk, actor=actor, reason=reason),
                before=lambda: services.expire_due(performer_id) if performer_id else None,
            )
        except DomainError as refusal:
            return f"{refusal} ({refusal.code})"
        return ""

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context}
        )


def _totals(items: list[QueueItem]) -> list[tuple[str, int]]:
    """Sum what is given back, each currency by itself."""
    sums: dict[str, int] = {}
    for item in items:
        sums[item.currency] = sums.get(item.currency, 0) + item.tokens
    return sorted(sums.items())


@admin.register(Transition)
class TransitionAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "item_id", "from_state", "to_state", "actor", "reason", "request_id")
    list_display_links = ("at",)
    fields = ("id", "at", "item", "from_state", "to_state", "actor", "reason", "request_id")
    id_fields = ("pk", "item", "actor")
    ordering = ("-id",)


@admin.register(Strike)
class StrikeAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "performer", "item_id", "reason")
    list_filter = (Performer,)
    list_select_related = ("performer",)
    id_fields = ("pk", "performer", "item")
    person_fields = ("performer",)
    ordering = ("-id",)


@admin.register(PerformerQueue)
class PerformerQueueAdmin(RoleAdmin):
    view_roles = WITH_PERFORMERS
    change_roles = frozenset({Role.ADMIN.value, Role.PERFORMER.value})
    owner_path = "performer"
    list_display = ("performer", "is_open", "is_paused", "presence", "seen_at", *SETTINGS)
    list_filter = ("is_open", "is_paused", "presence", Performer)
    list_select_related = ("performer",)
    fields = ("performer", "is_open", "is_paused", "presence", "seen_at", *SETTINGS)
    readonly_fields = ("performer", "is_open", "is_paused", "presence", "seen_at")
    person_fields = ("performer",)
    ordering = ("performer",)

    def save_model(self, request: HttpRequest, obj: PerformerQueue, form: Any, change: bool) -> None:
        changed = {name: form.cleaned_data[name] for name in SETTINGS if name in form.changed_data}
        if changed:
            services.configure(performer_id=obj.pk, **changed)
