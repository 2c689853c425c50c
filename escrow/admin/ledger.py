"""The ledger in the back office: read-only. Finance and admin change it by actions."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from accounts.backoffice import Action, ActionAdmin, RoleAdmin, exact_filter, person_filter, register_related
from accounts.models import FINANCE_ROLES, STAFF_ROLES, User
from escrow.admin.adjustments import Adjustment, AdjustmentPage, AmountForm, KeyedForm
from escrow.models import Currency, Entry, Hold, Operation, Wallet
from escrow.services import adjustments, approvals, auditing

register_related("escrow.wallet", "Entries", "escrow.entry")
register_related("escrow.wallet", "Holds of its owner", "escrow.hold", by="owner_id")
register_related("escrow.wallet", "Times it stood still", "escrow.freeze")
register_related("escrow.wallet", "Findings about it", "escrow.finding")
register_related("escrow.hold", "Operations", "escrow.operation")
register_related("escrow.hold", "Entries", "escrow.entry")
register_related("escrow.operation", "Entries", "escrow.entry")
register_related("escrow.operation", "Undone by", "escrow.operation")
register_related("escrow.operation", "Order", "escrow.order")
register_related("escrow.operation", "Payout", "escrow.payout")
register_related("escrow.operation", "Approval", "escrow.approval")


@admin.register(Wallet)
class WalletAdmin(ActionAdmin):
    """Freeze and repair are actions over selected wallets; grant and write-off are actions on one."""

    view_roles = STAFF_ROLES
    action_roles = FINANCE_ROLES
    actions = ("freeze_chosen", "repair_chosen")
    actions_detail = actions_row = ("grant", "write_off")
    list_display = ("id", "owner", "currency", "available", "held", "earned", "owed", "version", "status")
    list_filter = ("currency", "status", person_filter("owner"))
    list_select_related = ("owner",)
    id_fields = ("pk", "owner")
    person_fields = ("owner",)
    ordering = ("-id",)

    @admin.action(description="Freeze the chosen wallets…", permissions=["act"])
    def freeze_chosen(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> HttpResponse | None:
        return self.over_selected(request, queryset.select_related("owner"), FREEZE)

    @admin.action(description="Repair the chosen wallets…", permissions=["act"])
    def repair_chosen(self, request: HttpRequest, queryset: QuerySet[Wallet]) -> HttpResponse | None:
        return self.over_selected(request, queryset.select_related("owner"), REPAIR)

    @action(description="Grant…", url_path="grant", permissions=["act"])
    def grant(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._adjust(request, object_id, "grant", "Grant", approvals.grant)

    @action(description="Write off…", url_path="write-off", permissions=["act"])
    def write_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._adjust(request, object_id, "write_off", "Write off a debt", approvals.write_off)

    def _adjust(self, request: HttpRequest, object_id: str, name: str, title: str, service: Any) -> HttpResponse:
        wallet: Wallet = self.row_or_404(request, object_id)
        adjust = partial(service, owner_id=wallet.owner_id, currency=Currency(wallet.currency))
        wallets = Wallet.objects.filter(pk=wallet.pk).select_related("owner")
        return AdjustmentPage(self, request, wallet, Adjustment(name, title, AmountForm, adjust, wallets)).response()


def _freeze(wallet: Wallet, actor: User, reason: str) -> str:
    auditing.freeze(wallet_id=wallet.pk, actor_id=actor.pk, reason=reason)
    return "pays and receives nothing; refunds still arrive"


def _repair(wallet: Wallet, actor: User, reason: str) -> str:
    adjustments.repair(wallet_id=wallet.pk, actor_id=actor.pk, reason=reason)
    now = Wallet.objects.get(pk=wallet.pk)
    return f"available {now.available}, held {now.held}, earned {now.earned}, owed {now.owed}"


FREEZE = Action(
    name="freeze_chosen",
    title="Freeze wallets",
    button="Freeze",
    possible="wallets can be frozen",
    done="wallets frozen",
    columns=("Owner", "Currency", "Available", "Held"),
    cells=lambda row: (row.owner, row.currency, row.available, row.held),
    execute=_freeze,
    warning="Its owner can neither buy nor be paid until somebody lets the wallet go.",
)
REPAIR = Action(
    name="repair_chosen",
    title="Repair wallets",
    button="Repair",
    possible="wallets differ from their last entry and can be led back to it",
    done="wallets led back to their last entry",
    columns=("Owner", "Currency", "Available", "Held", "Earned", "Owed"),
    cells=lambda row: (row.owner, row.currency, row.available, row.held, row.earned, row.owed),
    execute=_repair,
    warning="For rows that were changed from outside: an operation of kind repair carries the true balances on.",
)


@admin.register(Hold)
class HoldAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = (
        "id",
        "created_at",
        "payer",
        "paid_to",
        "currency",
        "amount",
        "captured",
        "released",
        "status",
        "feature",
        "expires_at",
    )
    list_filter = (
        "status",
        "currency",
        "payee_house",
        exact_filter("feature"),
        person_filter("payer"),
        person_filter("payee"),
    )
    list_select_related = ("payer", "payee")
    id_fields = ("pk", "payer", "payee")
    person_fields = ("payer", "payee")
    ordering = ("-id",)

    @admin.display(description="payee")
    def paid_to(self, hold: Hold) -> str:
        return str(hold.payee or hold.payee_house)


@admin.register(Operation)
class OperationAdmin(ActionAdmin):
    view_roles = STAFF_ROLES
    action_roles = FINANCE_ROLES
    actions_detail = ("undo",)
    list_display = ("id", "at", "kind", "scope", "key", "hold_id", "actor", "reason", "reverses_id")
    list_filter = ("kind", exact_filter("scope"))
    fields = ("id", "at", "kind", "scope", "key", "hold", "reverses", "actor", "reason", "meta")
    id_fields = ("pk", "hold", "actor", "reverses")
    ordering = ("-id",)

    @action(description="Undo…", url_path="undo", permissions=["act"])
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        operation: Operation = self.row_or_404(request, object_id)
        undo = partial(approvals.correct, operation_id=operation.pk)
        entries = Entry.objects.filter(operation=operation, wallet__isnull=False)
        wallets = Wallet.objects.filter(pk__in=entries.values("wallet")).select_related("owner")
        return AdjustmentPage(self, request, operation, Adjustment("undo", "Undo", KeyedForm, undo, wallets)).response()


@admin.register(Entry)
class EntryAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = (
        "id",
        "at",
        "operation_id",
        "line",
        "account",
        "currency",
        "version",
        "d_available",
        "d_held",
        "d_earned",
        "d_owed",
        "available_after",
        "held_after",
        "earned_after",
        "owed_after",
    )
    list_filter = ("currency", "house", person_filter("wallet__owner", parameter="owner"))
    list_select_related = ("wallet__owner",)
    id_fields = ("operation", "wallet", "operation__hold", "wallet__owner")
    person_fields = ("wallet__owner",)
    ordering = ("-id",)

    @admin.display(description="account")
    def account(self, entry: Entry) -> str:
        return str(entry.wallet.owner) if entry.wallet else f"house: {entry.house}"
