"""Token packages, whose tokens and price never change; orders, disputes and payment events, read-only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.backoffice import RoleAdmin, exact_filter, person_filter, register_related
from accounts.models import FINANCE_ROLES, STAFF_ROLES
from escrow.models import Dispute, Order, PaymentEvent, TokenPackage

TERMS = ("tokens", "price_minor", "price_currency")

register_related("escrow.order", "Disputes", "escrow.dispute")
register_related("escrow.order", "Payment events", "escrow.paymentevent")


@admin.register(TokenPackage)
class TokenPackageAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    add_roles = change_roles = FINANCE_ROLES
    list_display = ("title", "tokens", "price_minor", "price_currency", "position", "is_active")
    list_filter = ("is_active",)
    fields = ("title", *TERMS, "position", "is_active")
    search_fields = ("title",)
    ordering = ("position", "tokens", "id")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return TERMS if obj is not None else ()


@admin.register(Order)
class OrderAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("id", "paid_at", "reference", "user", "package", "tokens", "status", "deposit_id", "chargeback_id")
    list_filter = (
        "status",
        person_filter("user", title="buyer"),
        exact_filter("reference", title="the provider's order id"),
    )
    list_select_related = ("user", "package")
    id_fields = ("pk", "user", "deposit", "chargeback")
    person_fields = ("user",)
    search_fields = ("=reference",)
    ordering = ("-id",)


@admin.register(Dispute)
class DisputeAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("opened_at", "reference", "order_id", "state", "won_at")
    list_filter = ("state", exact_filter("reference", parameter="dispute", title="the provider's dispute id"))
    fields = ("opened_at", "reference", "order", "state", "won_at")
    id_fields = ("pk", "order")
    search_fields = ("=reference",)
    ordering = ("-id",)


@admin.register(PaymentEvent)
class PaymentEventAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("at", "event_id", "type", "outcome", "order_id")
    list_filter = ("type", "outcome", exact_filter("event_id", parameter="event", title="the provider's event id"))
    fields = ("at", "event_id", "type", "outcome", "order")
    id_fields = ("pk", "order")
    search_fields = ("=event_id",)
    ordering = ("-id",)
