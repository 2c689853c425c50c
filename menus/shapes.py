"""What the menus' endpoints answer."""

from typing import Any

from rest_framework import serializers

from core.shapes import Shape
from escrow.shapes import InTokens
from perfqueue.shapes import QueueItemOut


class OfferOut(Shape):
    id = serializers.UUIDField(source="item.pk")
    title = serializers.CharField(source="item.title")
    section = serializers.CharField(source="item.section", allow_blank=True)
    position = serializers.IntegerField(source="item.position")
    price = serializers.IntegerField(source="item.price_tokens", allow_null=True)
    currency = InTokens()
    durationSeconds = serializers.IntegerField(source="item.duration_s", allow_null=True)
    available = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"children": OfferOut(many=True)}


class MenuOut(Shape):
    id = serializers.UUIDField(source="menu.pk")
    type = serializers.CharField(source="menu.type", help_text="navigation, purchasable or performance")
    title = serializers.CharField(source="menu.title")
    items = OfferOut(source="offers", many=True)


class MenusOut(Shape):
    menus = MenuOut(source="*", many=True)  # rendered from the list


class PurchaseOut(Shape):
    purchaseId = serializers.UUIDField(source="result.purchase.pk")
    status = serializers.CharField(source="result.status", help_text="queued, completed or pending_payment")
    queueItem = QueueItemOut(source="item", allow_null=True)
