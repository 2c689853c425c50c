"""Token packages, their orders, and the payment provider's events."""

from django.db import models
from django.db.models import F, Q

from core.clock import CoreNow
from core.fields import MAX_AMOUNT
from core.ids import new_id
from core.text import TitleField
from escrow.models.ledger import Operation, user_key


class OrderStatus(models.TextChoices):
    PAID = "paid"
    CHARGED_BACK = "charged_back"


class DisputeState(models.TextChoices):
    LOST = "lost"
    WON = "won"


class EventOutcome(models.TextChoices):
    """How an event was handled. `unchanged`: a dispute's event that moves nothing."""

    CREDITED = "credited"
    CHARGED_BACK = "charged_back"
    CHARGEBACK_REVERSED = "chargeback_reversed"
    REVERSED_BEFORE = "reversed_before"
    UNCHANGED = "unchanged"
    IGNORED = "ignored"


class TokenPackage(models.Model):
    """A token package. Tokens and price never change; another price is another package.

    `price_minor` is in the smallest unit of `price_currency` (an ISO 4217 code). An inactive package is not offered,
    but an order of it that is paid late is still credited.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = TitleField(max_length=80)
    tokens = models.BigIntegerField()
    price_minor = models.PositiveIntegerField()
    price_currency = models.CharField(max_length=3, default="EUR")
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        ordering = ["position", "tokens", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(tokens__gte=1, tokens__lte=MAX_AMOUNT), name="escrow_package_tokens_in_range"
            ),
            models.CheckConstraint(condition=Q(price_currency__regex="^[A-Z]{3}$"), name="escrow_package_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.tokens:,} tokens"


class Order(models.Model):
    """One paid order of a package. `reference` is the payment provider's id. Created by `order.paid`.

    Charged back while a chargeback of its deposit stands, which is `chargeback`; the SQL functions that write
    chargebacks and undo them keep it so.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=128, unique=True)
    user = user_key()
    package = models.ForeignKey(TokenPackage, on_delete=models.PROTECT, related_name="+")
    tokens = models.BigIntegerField()
    status = models.CharField(max_length=12, choices=OrderStatus.choices, default=OrderStatus.PAID)
    deposit = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="+")
    chargeback = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="+", null=True)
    paid_at = models.DateTimeField(db_default=CoreNow())
    charged_back_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="paid", chargeback__isnull=True, charged_back_at__isnull=True)
                | Q(status="charged_back", chargeback__isnull=False, charged_back_at__isnull=False),
                name="escrow_order_complete",
            ),
            models.CheckConstraint(
                condition=~Q(chargeback=F("deposit")) | Q(chargeback__isnull=True), name="escrow_order_two_operations"
            ),
        ]
        indexes = [models.Index(fields=["user", "-id"], name="escrow_order_of_user")]


class Dispute(models.Model):
    """A payment's dispute at the provider: lost (charged back), then won for ever; won at once if that came first.

    `reference` is the provider's id; None: a chargeback without one, which any reversal of the order's chargeback wins.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=128, null=True)
    state = models.CharField(max_length=4, choices=DisputeState.choices)
    opened_at = models.DateTimeField(db_default=CoreNow())
    won_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="lost", won_at__isnull=True) | Q(state="won", won_at__isnull=False),
                name="escrow_dispute_complete",
            ),
            models.UniqueConstraint(fields=["reference"], name="escrow_dispute_of_one_order"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state="lost", reference__isnull=True),
                name="escrow_dispute_one_without_an_id",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference or 'no id'}, {self.state}"


class PaymentEvent(models.Model):
    """One event of the payment provider, unique by its id. Append-only. `outcome`: how it was handled."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event_id = models.CharField(max_length=128, unique=True)
    type = models.CharField(max_length=64)
    fingerprint = models.BinaryField(max_length=32)
    outcome = models.CharField(max_length=20, choices=EventOutcome.choices)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", null=True)
    at = models.DateTimeField(db_default=CoreNow())
