"""What the menus' endpoints answer."""

from typing import Any

from rest_framework import serializers

from core.shapes import Shape
from escrow.shapes import InTokens
from perfqueue.shapes import QueueItemOut


class OfferOut(Shape):
    id = serializers.UUIDField()
    title = serializers.CharField()
    section = serializers.CharField(allow_blank=True)
    position = serializers.IntegerField()
    price = serializers.IntegerField(source="price_tokens", allow_null=True)
    currency = InTokens()
    durationSeconds = serializers.IntegerField(source="duration_s", allow_null=True)
    available = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"children": OfferOut(many=True)}


class MenuOut(Shape):
    id = serializers.UUIDField()
    type = serializers.CharField(help_text="navigation, purchasable or performance")
    title = serializers.CharField()
    items = OfferOut(source="offers", many=True)


class MenusOut(Shape):
    menus = MenuOut(source="*", many=True)  # rendered from the list


class PurchaseOut(Shape):
    purchaseId = serializers.UUIDField(source="result.purchase_id")
    status = serializers.CharField(source="result.status", help_text="queued, completed or pending_payment")
    queueItem = QueueItemOut(source="item", allow_null=True)
