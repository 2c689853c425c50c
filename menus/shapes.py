"""What the menus' endpoints answer."""

from typing import Any

from rest_framework import serializers

from core.shapes import Shape
from escrow.shapes import InTokens
from menus.models import MenuType
from perfqueue.shapes import QueueItemOut

PURCHASE_STATUSES = ("queued", "completed", "pending_payment")


class MenuItemOut(Shape):
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
        return super().get_fields() | {"children": MenuItemOut(many=True)}


class MenuOut(Shape):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=MenuType.choices)
    title = serializers.CharField()
    items = MenuItemOut(source="offers", many=True)


class MenusOut(Shape):
    menus = MenuOut(source="*", many=True)  # rendered from the list


class PurchaseOut(Shape):
    purchaseId = serializers.UUIDField(source="purchase_id")
    status = serializers.ChoiceField(choices=PURCHASE_STATUSES)
    queueItem = QueueItemOut(source="item", allow_null=True)
