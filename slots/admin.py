"""The machine in the back office: read only. Seeds of spins to come are shown to nobody."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from accounts.backoffice import STAFF_ROLES, RoleAdmin
from slots.models import Game, Paytable, SlotState, Spin


@admin.register(Game)
class GameAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("code", "enabled", "changed_at")


@admin.register(Paytable)
class PaytableAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("code", "version", "status", "declared_rtp", "activated_at")
    list_filter = ("status",)
    ordering = ("-id",)


class BoundedPaginator(Paginator):
    """Counts no further than the pages anybody turns: a full count of all spins ever would scan them."""

    most = 10_000
    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        return self.object_list[: self.most].count()


@admin.register(Spin)
class SpinAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    paginator = BoundedPaginator
    list_display = ("id", "user_id", "nonce", "at", "bet", "payout", "symbols")
    id_fields = ("pk", "user_id")
    ordering = ("-id",)


@admin.register(SlotState)
class SlotStateAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    paginator = BoundedPaginator
    list_display = ("user", "nonce", "staked_total", "paid_total", "last_spin_at")
    search_fields = ("=user__username",)
    list_select_related = ("user",)
    exclude = ("sealed_seed",)
    ordering = ("-pk",)
