"""What the endpoints of loyalty answer."""

from typing import Any

from rest_framework import serializers

from core.shapes import Shape
from escrow.services import Currency


class WalletOut(Shape):
    currency = serializers.ChoiceField(choices=Currency.choices)
    available = serializers.IntegerField(allow_null=True, help_text="null, as the next three: not known")
    held = serializers.IntegerField(allow_null=True)
    earned = serializers.IntegerField(allow_null=True)
    owed = serializers.IntegerField(allow_null=True)
    asOf = serializers.DateTimeField(
        source="points.as_of",
        required=False,
        allow_null=True,
        help_text="of points that live in RedRoomRewards: when their balance was asked for",
    )
    pending = serializers.IntegerField(
        source="points.pending",
        required=False,
        help_text="of points that live in RedRoomRewards: on their way there, not in `available`",
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        if instance.points is None:
            return {name: getattr(instance, name) for name in self.of_ledger}
        return super().to_representation(instance)

    of_ledger = ("currency", "available", "held", "earned", "owed")


class LinkOut(Shape):
    linked = serializers.BooleanField()
    memberId = serializers.CharField(source="member_id", allow_null=True, help_text="null while it is not linked")
    linkedAt = serializers.DateTimeField(source="linked_at", allow_null=True)


class LinkIntentOut(Shape):
    intentId = serializers.UUIDField(source="id")
    linkCode = serializers.CharField(source="link_code", help_text="to be typed in RedRoomRewards")
    expiresAt = serializers.DateTimeField(source="expires_at")


class EventReceiptOut(Shape):
    eventId = serializers.CharField(source="event_id")
    outcome = serializers.ChoiceField(choices=["stored", "known"], help_text="known: it was stored before")
