"""What the line's endpoints answer, for the API's description only; a test keeps the real answers equal to it."""

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from escrow.services import Currency, HoldStatus
from perfqueue.services import AbandonPolicy, Fulfilment, Presence, State


class WaitOut(serializers.Serializer):
    lowSeconds = serializers.IntegerField()
    highSeconds = serializers.IntegerField()


class TrailOut(serializers.Serializer):
    operation = serializers.CharField(help_text="hold, settle, refund or award")
    amount = serializers.IntegerField()
    at = serializers.DateTimeField()


class QueueItemOut(serializers.Serializer):
    id = serializers.UUIDField()
    performerId = serializers.UUIDField(allow_null=True, help_text="null only for an instant item of the house")
    userId = serializers.UUIDField()
    title = serializers.CharField()
    tokens = serializers.IntegerField(help_text="what the hold took, in `currency`")
    currency = serializers.ChoiceField(choices=Currency.choices)
    fulfilment = serializers.ChoiceField(choices=Fulfilment.choices)
    state = serializers.ChoiceField(choices=State.choices)
    position = serializers.IntegerField(allow_null=True, help_text="1 is the head; null unless created")
    estimatedWait = WaitOut(allow_null=True)
    ropeDropAt = serializers.DateTimeField(allow_null=True, help_text="null unless the head's time is running")
    deadlineAt = serializers.DateTimeField(allow_null=True)
    createdAt = serializers.DateTimeField()
    startedAt = serializers.DateTimeField(allow_null=True)
    endedAt = serializers.DateTimeField(allow_null=True)
    settledTokens = serializers.IntegerField(allow_null=True, help_text="null until the hold is closed")
    refundedTokens = serializers.IntegerField(allow_null=True, help_text="null until the hold is closed")
    reason = serializers.CharField(allow_null=True)
    holdId = serializers.UUIDField()
    trail = TrailOut(many=True)


class QueueItemBriefOut(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    position = serializers.IntegerField(allow_null=True)
    mine = serializers.BooleanField()


QUEUE_ITEM_SEEN = PolymorphicProxySerializer(
    component_name="QueueItemSeen",
    serializers=[QueueItemOut, QueueItemBriefOut],
    resource_type_field_name=None,
)


class QueueItemsOut(serializers.Serializer):
    items = QueueItemOut(many=True)
    next = serializers.CharField(allow_null=True)


class QueueOut(serializers.Serializer):
    open = serializers.BooleanField()
    paused = serializers.BooleanField()
    depth = serializers.IntegerField()
    maxDepth = serializers.IntegerField()
    nowPerforming = QueueItemBriefOut(allow_null=True)
    items = QueueItemBriefOut(many=True, help_text="created only, all of them, head first")
    estimatedWait = WaitOut(allow_null=True)


class PerformerOut(serializers.Serializer):
    id = serializers.UUIDField()
    displayName = serializers.CharField()
    username = serializers.CharField()
    state = serializers.CharField(help_text="streaming, idle or offline")
    queueOpen = serializers.BooleanField()


class PerformersOut(serializers.Serializer):
    items = PerformerOut(many=True)
    next = serializers.CharField(allow_null=True)


class RefundResultOut(serializers.Serializer):
    id = serializers.UUIDField()
    code = serializers.CharField(allow_null=True, help_text="null: refunded; else why not")


class RefundTotalsOut(serializers.Serializer):
    items = serializers.IntegerField()
    refunded = serializers.IntegerField()
    tokens = serializers.IntegerField()


class RefundsOut(serializers.Serializer):
    results = RefundResultOut(many=True)
    totals = RefundTotalsOut()


class RunStartedOut(serializers.Serializer):
    runId = serializers.UUIDField(help_text="ask GET /admin/queue/refunds/{runId} how far it is")


class RunProgressOut(serializers.Serializer):
    items = serializers.IntegerField()
    worked = serializers.IntegerField(help_text="items that have their result")
    percent = serializers.IntegerField()


class RunOut(RunStartedOut):
    status = serializers.CharField(help_text="running or done")
    reason = serializers.CharField()
    createdAt = serializers.DateTimeField()
    endedAt = serializers.DateTimeField(allow_null=True)
    progress = RunProgressOut()
    results = RefundResultOut(many=True, help_text="the items worked so far, in the order named")
    totals = RefundTotalsOut()


class PresenceOut(serializers.Serializer):
    state = serializers.ChoiceField(choices=Presence.choices)
    queueOpen = serializers.BooleanField()
    watched = serializers.BooleanField(help_text="true from the first heartbeat of an open line until it closes")
    awayAfter = serializers.DateTimeField(allow_null=True, help_text="silence until then stops the stage")


class SettingsOut(serializers.Serializer):
    maxDepth = serializers.IntegerField()
    openItemsPerUser = serializers.IntegerField()
    ropeDropSeconds = serializers.IntegerField()
    maxWaitSeconds = serializers.IntegerField()
    overrunGraceSeconds = serializers.IntegerField()
    disconnectGraceSeconds = serializers.IntegerField()
    abandonmentPolicy = serializers.ChoiceField(choices=AbandonPolicy.choices)


class BlockOut(serializers.Serializer):
    id = serializers.UUIDField()
    userId = serializers.UUIDField()
    username = serializers.CharField()
    at = serializers.DateTimeField()


class BlocksOut(serializers.Serializer):
    items = BlockOut(many=True)
    next = serializers.CharField(allow_null=True)


class UnblockedOut(serializers.Serializer):
    userId = serializers.UUIDField()
    blocked = serializers.BooleanField()


class ServiceHoldOut(serializers.Serializer):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=HoldStatus.choices)
    amount = serializers.IntegerField()
    captured = serializers.IntegerField()
    released = serializers.IntegerField()
    currency = serializers.ChoiceField(choices=Currency.choices)
    payee = serializers.CharField(help_text="a performer's id, slots_bank or revenue")
    expiresAt = serializers.DateTimeField(allow_null=True, help_text="null once an item took the hold or it was closed")
