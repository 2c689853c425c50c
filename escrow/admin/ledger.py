"""The ledger in the back office: everything can be found and read, nothing can be touched."""

from django.contrib import admin

from accounts.backoffice import STAFF_ROLES, ExactFilter, PersonFilter, RoleAdmin
from escrow.models import Entry, Hold, Operation, Wallet


class Owner(PersonFilter):
    title, parameter_name, lookup = "owner (name or id)", "owner", "owner"


class OwnerOfEntry(PersonFilter):
    title, parameter_name, lookup = "owner (name or id)", "owner", "wallet__owner"


class Payer(PersonFilter):
    title, parameter_name, lookup = "payer (name or id)", "payer", "payer"


class PayeeOfHold(PersonFilter):
    title, parameter_name, lookup = "payee (name or id)", "payee", "payee"


class Feature(ExactFilter):
    title, parameter_name, lookup = "feature", "feature", "feature"


class Scope(ExactFilter):
    title, parameter_name, lookup = "scope", "scope", "scope"


@admin.register(Wallet)
class WalletAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("id", "owner", "currency", "available", "held", "earned", "owed", "version", "status")
    list_filter = ("currency", "status", Owner)
    list_select_related = ("owner",)
    id_fields = ("pk", "owner")
    person_fields = ("owner",)
    ordering = ("-id",)


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
    list_filter = ("status", "currency", "payee_house", Feature, Payer, PayeeOfHold)
    list_select_related = ("payer", "payee")
    id_fields = ("pk", "payer", "payee")
    person_fields = ("payer", "payee")
    ordering = ("-id",)

    @admin.display(description="payee")
    def paid_to(self, hold: Hold) -> str:
        return str(hold.payee or hold.payee_house)


@admin.register(Operation)
class OperationAdmin(RoleAdmin):
    view_roles = STAFF_ROLES
    list_display = ("id", "at", "kind", "scope", "key", "hold_id", "actor", "reason", "reverses_id")
    list_filter = ("kind", Scope)
    fields = ("id", "at", "kind", "scope", "key", "hold", "reverses", "actor", "reason", "meta")
    id_fields = ("pk", "hold", "actor", "reverses")
    ordering = ("-id",)


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
    list_filter = ("currency", "house", OwnerOfEntry)
    list_select_related = ("wallet__owner",)
    id_fields = ("operation", "wallet", "operation__hold", "wallet__owner")
    person_fields = ("wallet__owner",)
    ordering = ("-id",)

    @admin.display(description="account")
    def account(self, entry: Entry) -> str:
        return str(entry.wallet.owner) if entry.wallet else f"house: {entry.house}"
