"""Spins that are paid for elsewhere: what was asked for, kept while the points are taken."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.ids import new_id
from slots.draw import CLIENT_NONCE_BYTES, MAX_CLIENT_SEED_BYTES
from slots.models.tables import HASH_BYTES, Paytable


class IntentState(models.TextChoices):
    """`open`: the gates have passed, the points are being taken · `done`: it became a spin · `refused`: nothing was
    taken · `compensated`: what was taken is given back."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"
    COMPENSATED = "compensated"


class SpinIntent(models.Model):
    """A spin between its gates and its draw; ``id`` is the spin's. A user has one open intent at most.

    ``key`` and ``fingerprint`` are those of its request, ``nonce`` and ``commitment`` those of the slot state it was
    checked with, the paytable that of the moment. ``client_seed``: null if the request gave none. Written and closed
    under the lock of the user's slot state; only closing changes it, once (a trigger).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=128)
    fingerprint = models.BinaryField(max_length=32)
    bet = models.BigIntegerField()
    performer_id = models.UUIDField(null=True)
    client_nonce = models.BinaryField(max_length=CLIENT_NONCE_BYTES)
    client_nonce_drawn = models.BooleanField()
    client_seed = models.CharField(max_length=MAX_CLIENT_SEED_BYTES, null=True)
    paytable = models.ForeignKey(Paytable, models.PROTECT, related_name="+", db_index=False)
    commitment = models.BinaryField(max_length=HASH_BYTES)
    nonce = models.BigIntegerField()
    request_id = models.CharField(max_length=128, db_default="")
    at = models.DateTimeField()
    state = models.CharField(max_length=11, choices=IntentState.choices, default=IntentState.OPEN)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(state=IntentState.OPEN), name="slots_intent_one_open_of_user"
            ),
            models.CheckConstraint(condition=Q(state__in=IntentState.values), name="slots_intent_state_known"),
            models.CheckConstraint(
                condition=Q(state=IntentState.OPEN, closed_at__isnull=True)
                | ~Q(state=IntentState.OPEN) & Q(closed_at__isnull=False),
                name="slots_intent_closed_has_a_time",
            ),
            models.CheckConstraint(condition=Q(bet__gte=1, nonce__gte=0), name="slots_intent_counts_up"),
        ]
        indexes = [models.Index(fields=["user", "-id"], name="slots_intent_of_user")]

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"
