"""Which user is which member of RedRoomRewards, and the intents by which they become it."""

from django.db import models
from django.db.models import Q

from core.clock import CoreNow
from core.ids import new_id
from loyalty.models.keys import user_key


class Link(models.Model):
    """One user linked to one member, both ways, until it is unlinked with a reason. Never removed (a trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    member_id = models.CharField(max_length=128)
    linked_at = models.DateTimeField(db_default=CoreNow())
    unlinked_at = models.DateTimeField(null=True)
    unlinked_by = user_key(null=True)
    reason = models.TextField(db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(unlinked_at__isnull=True), name="loyalty_link_one_of_user"
            ),
            models.UniqueConstraint(
                fields=["member_id"], condition=Q(unlinked_at__isnull=True), name="loyalty_link_one_of_member"
            ),
            models.CheckConstraint(condition=~Q(member_id=""), name="loyalty_link_has_a_member"),
            models.CheckConstraint(
                condition=Q(unlinked_at__isnull=True, unlinked_by__isnull=True, reason="")
                | Q(unlinked_at__isnull=False) & ~Q(reason=""),
                name="loyalty_link_unlinked_with_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="loyalty_link_of_user"),
            models.Index(fields=["member_id", "-id"], name="loyalty_link_of_member"),
        ]


class LinkIntent(models.Model):
    """A user's beginning of a link: `intent_id` and `link_code` are RedRoomRewards' own.

    `tries`: how many proofs were sent for the code. The code of an erased account is blank.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = user_key()
    intent_id = models.CharField(max_length=128, unique=True)
    link_code = models.CharField(max_length=128)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=CoreNow())
    confirmed_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(db_default=0, default=0)

    class Meta:
        indexes = [models.Index(fields=["user", "-id"], name="loyalty_linkintent_of_user")]
