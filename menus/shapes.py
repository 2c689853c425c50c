"""What the menus' endpoints answer, for the API's description only; a test keeps the real answers equal to it."""

from rest_framework import serializers

from escrow.services import Currency
from perfqueue.shapes import QueueItemOut


class OfferOut(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    section = serializers.CharField(allow_blank=True)
    position = serializers.IntegerField()
    price = serializers.IntegerField(allow_null=True)
    currency = serializers.ChoiceField(choices=Currency.choices)
    durationSeconds = serializers.IntegerField(allow_null=True)
    available = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    children = serializers.ListField(child=serializers.DictField(), help_text="items of the same shape")


class MenuOut(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.CharField(help_text="navigation, purchasable or performance")
    title = serializers.CharField()
    items = OfferOut(many=True)


class MenusOut(serializers.Serializer):
    menus = MenuOut(many=True)


class PurchaseOut(serializers.Serializer):
    purchaseId = serializers.UUIDField()
    status = serializers.CharField(help_text="queued, completed or pending_payment")
    queueItem = QueueItemOut(allow_null=True)
