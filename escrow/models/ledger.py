"""The ledger's tables, read through the ORM and written only by the SQL functions in `escrow/schema/`.

Their domains and triggers are in the same folder; see README.md.
"""

from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.ids import new_id


class Currency(models.TextChoices):
    """TOKEN is bought (menus, tips, performances); POINT is loyalty (slot machine)."""

    TOKEN = "TOKEN"  # noqa: S105  a currency's code
    POINT = "POINT"


class House(models.TextChoices):
    """Accounts of the platform: only entries, no row to lock, allowed below zero."""

    REVENUE = "revenue"
    SLOTS_BANK = "slots_bank"
    SALES = "sales"
    MINT = "mint"
    PAYOUTS = "payouts"
    LOYALTY_CLEARING = "loyalty_clearing"
    LOSSES = "losses"


class HoldStatus(models.TextChoices):
    HELD = "HELD"
    SETTLED = "SETTLED"
    SPLIT = "SPLIT"
    REFUNDED = "REFUNDED"
    EXPIRED = "EXPIRED"


class OperationKind(models.TextChoices):
    DEPOSIT = "deposit"
    HOLD = "hold"
    SETTLE = "settle"
    SPLIT = "split"
    REFUND = "refund"
    EXPIRE = "expire"
    AWARD = "award"
    WITHDRAW = "withdraw"
    REVERSE = "reverse"
    CHARGEBACK = "chargeback"
    WRITE_OFF = "write_off"
    PAYOUT = "payout"
    PAYOUT_REJECT = "payout_reject"
    REPAIR = "repair"


class WalletStatus(models.TextChoices):
    ACTIVE = "active"
    FROZEN = "frozen"


def user_key() -> "models.ForeignKey":
    """A foreign key to a user without an index of its own; composite constraints and indexes serve look-ups."""
    return models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)


class Wallet(models.Model):
    """One person's balances in one currency. `version` is the number of its entries."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = user_key()
    currency = models.CharField(max_length=5, choices=Currency.choices)
    available = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    earned = models.BigIntegerField(default=0)
    owed = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    status = models.CharField(max_length=6, choices=WalletStatus.choices, default=WalletStatus.ACTIVE)
    created_at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "currency"], name="escrow_wallet_one_per_owner_and_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.owner}, {self.currency}"


class Hold(models.Model):
    """An amount of a payer set aside for one payee. Once it is closed, `captured + released == amount`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    payer = user_key()
    payee = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    payee_house = models.CharField(max_length=20, null=True, choices=House.choices)
    currency = models.CharField(max_length=5, choices=Currency.choices)
    feature = models.CharField(max_length=40)
    source_event_id = models.CharField(max_length=128, db_default="")
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(db_default=0)
    released = models.BigIntegerField(db_default=0)
    status = models.CharField(max_length=8, choices=HoldStatus.choices, db_default=HoldStatus.HELD)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=CoreNow())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(captured__gte=0, released__gte=0, amount__gte=F("captured") + F("released")),
                name="escrow_hold_no_more_than_its_amount",
            )
        ]
        indexes = [
            models.Index(fields=["payer", "-id"], name="escrow_hold_of_payer"),
            models.Index(fields=["expires_at"], name="escrow_hold_open_expiry", condition=Q(status="HELD")),
            models.Index(
                fields=["payer", "currency", "created_at"],
                include=["amount", "released"],
                condition=~Q(feature="slots"),
                name="escrow_hold_spent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}, {self.status}"


class Operation(models.Model):
    """One transaction of the ledger, unique by (scope, key) for ever. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    scope = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    fingerprint = models.BinaryField(max_length=32)
    kind = models.CharField(max_length=20, choices=OperationKind.choices)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="+", null=True)
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    actor = models.UUIDField(null=True)
    reason = models.TextField(db_default="")
    meta = models.JSONField(db_default={})
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "key"], name="escrow_operation_once"),
            models.UniqueConstraint(
                fields=["reverses"], name="escrow_operation_reversed_once", condition=Q(reverses__isnull=False)
            ),
        ]


class Entry(models.Model):
    """One line of an operation: the change of a wallet or a house account. Append-only."""

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="entries", db_index=False)
    line = models.SmallIntegerField()
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", null=True, db_index=False)
    house = models.CharField(max_length=20, null=True, choices=House.choices)
    currency = models.CharField(max_length=5, choices=Currency.choices)
    version = models.BigIntegerField(null=True)
    d_available = models.BigIntegerField(db_default=0)
    d_held = models.BigIntegerField(db_default=0)
    d_earned = models.BigIntegerField(db_default=0)
    d_owed = models.BigIntegerField(db_default=0)
    available_after = models.BigIntegerField(null=True)
    held_after = models.BigIntegerField(null=True)
    earned_after = models.BigIntegerField(null=True)
    owed_after = models.BigIntegerField(null=True)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["operation", "line"], name="escrow_entry_line_once"),
            models.UniqueConstraint(
                fields=["wallet", "version"], name="escrow_entry_version_once", condition=Q(wallet__isnull=False)
            ),
        ]
        indexes = [
            models.Index(
                fields=["house", "currency", "id"], name="escrow_entry_house", condition=Q(house__isnull=False)
            )
        ]
