"""The slot machine in the back office: read-only. Seeds of future spins are not shown."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from accounts.backoffice import RoleAdmin
from accounts.models import STAFF_ROLES
from core.fields import UUID_TEXT
from slots import services
from slots.admin import statistics
from slots.models import SlotState, Spin


@admin.register(Spin)
class SpinAdmin(RoleAdmin):
    """All spins, and the page of their statistics, which are exported by who may change paytables."""

    view_roles = STAFF_ROLES
    actions_list = ("statistics",)
    list_display = ("id", "user_id", "nonce", "at", "bet", "payout", "symbols")
    search_fields = ("id", "user_id")
    search_help_text = "The id of a spin or of a user"
    id_fields = ("pk", "user_id")
    ordering = ("-id",)
    readonly_fields = ("seed_hex", "client_nonce_hex", "chain_hex")

    def get_search_results(self, request: Any, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Search by id only: any other text finds nothing, without a scan of all spins."""
        if search_term and not UUID_TEXT.match(search_term.strip()):
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    @action(description="Statistics", url_path="statistics", permissions=["read_statistics"])
    def statistics(self, request: HttpRequest) -> HttpResponse:
        return statistics.response(self, request, may_export=self.has_export_permission(request))

    def has_read_statistics_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, services.PAYTABLE_READERS)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.may(request, services.PAYTABLE_ROLES)

    @admin.display(description="seed")
    def seed_hex(self, spin: Spin) -> str:
        return bytes(spin.seed).hex()

    @admin.display(description="client nonce")
    def client_nonce_hex(self, spin: Spin) -> str:
        return bytes(spin.client_nonce).hex()

    @admin.display(description="chain")
    def chain_hex(self, spin: Spin) -> str:
        return bytes(spin.chain).hex()


@admin.register(SlotState)
class SlotStateAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("user", "nonce", "staked_total", "paid_total", "last_spin_at")
    search_fields = ("=user__username",)
    list_select_related = ("user",)
    readonly_fields = ("commitment_hex",)
    ordering = ("-pk",)

    @admin.display(description="next commitment")
    def commitment_hex(self, state: SlotState) -> str:
        return bytes(state.commitment).hex()
