"""What was, or is to be, changed over there: one row an operation, written before it is sent."""

from django.db import models
from django.db.models import Q

from core.clock import CoreNow
from core.fields import MAX_AMOUNT
from core.ids import new_id
from loyalty.models.keys import user_key


class OperationKind(models.TextChoices):
    """`deduct`: a spin's bet · `credit`: its award · `refund`: a deduct given back · `earn`: of an order or a tip ·
    `earn_reversal`: an order's taken back."""

    DEDUCT = "deduct"
    CREDIT = "credit"
    REFUND = "refund"
    EARN = "earn"
    EARN_REVERSAL = "earn_reversal"


DEDUCTS = (OperationKind.DEDUCT,)
"""The kinds that a command sends itself; all others are sent by the outbox."""


class OperationState(models.TextChoices):
    """`open`: a deduct on its way, or queued · `unknown`: sent, no answer · `compensated`: a deduct that happened and
    is given back · `dead`: not delivered for a day, or never will be; staff's."""

    OPEN = "open"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    COMPENSATED = "compensated"
    DEAD = "dead"


WAITING = (OperationState.OPEN, OperationState.UNKNOWN)


class RemoteOperation(models.Model):
    """A change of a member's points. What is sent never changes, the state only along its edges (triggers).

    `key`: the Idempotency-Key and the transactionId. `source`: the id of the spin, order or operation it comes from.
    `body`: what is sent, as JSON with sorted keys. `due_at`: when it is sent (again); of a deduct, when reconciliation
    asks for it. `retried_at`: when staff last sent a dead one again. `error`: the last fault, a code or a class's name.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    kind = models.CharField(max_length=13, choices=OperationKind.choices)
    amount = models.BigIntegerField()
    key = models.CharField(max_length=100)
    source = models.CharField(max_length=64)
    body = models.JSONField()
    state = models.CharField(max_length=11, choices=OperationState.choices, default=OperationState.OPEN)
    attempts = models.PositiveIntegerField(db_default=0, default=0)
    due_at = models.DateTimeField(db_default=CoreNow())
    asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=CoreNow())
    retried_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    new_balance = models.BigIntegerField(null=True)
    error = models.CharField(max_length=64, db_default="", default="")
    request_id = models.CharField(max_length=128, db_default="", default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="loyalty_operation_once"),
            models.CheckConstraint(condition=Q(kind__in=OperationKind.values), name="loyalty_operation_kind_known"),
            models.CheckConstraint(condition=Q(state__in=OperationState.values), name="loyalty_operation_state_known"),
            models.CheckConstraint(
                condition=Q(amount__gte=1, amount__lte=MAX_AMOUNT), name="loyalty_operation_amount_in_range"
            ),
            models.CheckConstraint(
                condition=Q(state__in=WAITING, closed_at__isnull=True)
                | ~Q(state__in=WAITING) & Q(closed_at__isnull=False),
                name="loyalty_operation_closed_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=WAITING), name="loyalty_operation_due"),
            models.Index(fields=["user", "kind"], condition=Q(state__in=WAITING), name="loyalty_operation_waiting"),
            models.Index(fields=["-id"], condition=Q(state=OperationState.DEAD), name="loyalty_operation_dead"),
            models.Index(fields=["user", "-id"], name="loyalty_operation_of_user"),
        ]


class KnownBalance(models.Model):
    """A user's balance as RedRoomRewards last said it. Shown while it is away; never decided on."""

    user = models.OneToOneField("accounts.User", on_delete=models.PROTECT, related_name="+", primary_key=True)
    balance = models.BigIntegerField()
    as_of = models.DateTimeField()


class EarningMark(models.Model):
    """How far orders, their reversals and tips were read for earning: the last row's time and id, by `name`."""

    name = models.CharField(max_length=20, primary_key=True)
    upto_at = models.DateTimeField(null=True)
    upto_id = models.CharField(max_length=40, db_default="")
