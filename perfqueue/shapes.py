"""What the queue's endpoints answer, exactly as PRODUCT.md §8 has it."""

from typing import Any, Literal

from drf_spectacular.serializers import PolymorphicProxySerializerExtension
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from accounts.models import User
from core.envelope import ErrorCode
from core.shapes import Shape, TextOrNull, page_of
from escrow.services import Currency
from escrow.shapes import HoldFactsOut
from perfqueue.models import PerformerQueue
from perfqueue.services import AbandonPolicy, Fulfilment, ItemView, Presence, QueueView, State

TRAIL_OPERATIONS = ("hold", "settle", "refund", "expire")


class WaitOut(Shape):
    lowSeconds = serializers.IntegerField(source="low_s")
    highSeconds = serializers.IntegerField(source="high_s")


class TrailOut(Shape):
    operation = serializers.ChoiceField(choices=TRAIL_OPERATIONS)
    amount = serializers.IntegerField()
    at = serializers.DateTimeField()


class QueueItemOut(Shape):
    """What the buyer, the item's performer, staff and the owning service see."""

    id = serializers.UUIDField(source="item.id")
    performerId = serializers.UUIDField(
        source="item.performer_id", allow_null=True, help_text="null only for an instant item of the house"
    )
    userId = serializers.UUIDField(source="item.user_id")
    title = serializers.CharField(source="item.title")
    tokens = serializers.IntegerField(source="item.tokens", help_text="what the hold took, in `currency`")
    currency = serializers.ChoiceField(source="item.currency", choices=Currency.choices)
    fulfilment = serializers.ChoiceField(source="item.fulfilment", choices=Fulfilment.choices)
    state = serializers.ChoiceField(source="item.state", choices=State.choices)
    position = serializers.IntegerField(allow_null=True, help_text="1 is the head; null unless created")
    estimatedWait = WaitOut(source="wait", allow_null=True)
    ropeDropAt = serializers.DateTimeField(
        source="item.rope_drop_at", allow_null=True, help_text="null unless the head's time is running"
    )
    deadlineAt = serializers.DateTimeField(source="item.deadline_at", allow_null=True)
    createdAt = serializers.DateTimeField(source="item.created_at")
    startedAt = serializers.DateTimeField(source="item.started_at", allow_null=True)
    endedAt = serializers.DateTimeField(source="item.ended_at", allow_null=True)
    settledTokens = serializers.IntegerField(
        source="item.settle_tokens", allow_null=True, help_text="null until the hold is closed"
    )
    refundedTokens = serializers.IntegerField(
        source="item.refund_tokens", allow_null=True, help_text="null until the hold is closed"
    )
    reason = TextOrNull(source="item.shown_reason")
    holdId = serializers.UUIDField(source="item.hold_id")
    trail = TrailOut(many=True)


class QueueItemBriefOut(Shape):
    """What strangers see of an item."""

    id = serializers.UUIDField(source="item.id")
    title = serializers.CharField(source="item.title")
    state = serializers.ChoiceField(source="item.state", choices=State.choices)
    position = serializers.IntegerField(allow_null=True)
    mine = serializers.BooleanField()


class QueueItemSeenOut(PolymorphicProxySerializer):
    """An item as its viewer may see it."""

    def __init__(self) -> None:
        shapes = [QueueItemOut(), QueueItemBriefOut()]
        super().__init__(component_name="QueueItemSeen", serializers=shapes, resource_type_field_name=None)

    def to_representation(self, instance: ItemView) -> Any:
        full, brief = self.serializers
        return (full if instance.full else brief).to_representation(instance)


class QueueItemSeenExtension(PolymorphicProxySerializerExtension):
    target_class = QueueItemSeenOut


class QueueOut(Shape):
    open = serializers.BooleanField(source="queue.is_open")
    paused = serializers.BooleanField(source="queue.is_paused")
    depth = serializers.SerializerMethodField()
    maxDepth = serializers.IntegerField(source="queue.depth")
    nowPerforming = QueueItemBriefOut(source="started", allow_null=True)
    items = QueueItemBriefOut(many=True, help_text="created only, all of them, head first")
    estimatedWait = WaitOut(source="wait", allow_null=True)

    def get_depth(self, view: QueueView) -> int:
        return len(view.items)


class PerformerOut(Shape):
    id = serializers.UUIDField()
    displayName = serializers.SerializerMethodField()
    username = serializers.CharField()
    state = serializers.SerializerMethodField()
    queueOpen = serializers.BooleanField(source="queue_open")

    def get_displayName(self, performer: User) -> str:
        profile = getattr(performer, "performer_profile", None)
        return profile.display_name if profile else performer.username

    def get_state(self, performer: Any) -> Presence:
        return Presence(performer.presence or Presence.OFFLINE)


class RefundResultOut(Shape):
    id = serializers.UUIDField(source="item_id")
    code = ErrorCode(allow_null=True, help_text="null: refunded; else why not")


class RefundTotalsOut(Shape):
    items = serializers.IntegerField()
    refunded = serializers.IntegerField()
    tokens = serializers.IntegerField()


class RefundsOut(Shape):
    results = RefundResultOut(many=True)
    totals = RefundTotalsOut()


class RunStartedOut(Shape):
    runId = serializers.UUIDField(source="run.pk", help_text="ask GET /admin/queue/refunds/{runId} how far it is")


class RunProgressOut(Shape):
    items = serializers.IntegerField(source="total")
    worked = serializers.IntegerField(help_text="items that have their result")
    percent = serializers.IntegerField()


class RunOut(RunStartedOut):
    status = serializers.SerializerMethodField()
    reason = serializers.CharField(source="run.reason")
    createdAt = serializers.DateTimeField(source="run.created_at")
    endedAt = serializers.DateTimeField(source="run.ended_at", allow_null=True)
    progress = RunProgressOut()
    results = RefundResultOut(many=True, help_text="the items worked so far, in the order named")
    totals = RefundTotalsOut()

    def get_status(self, view: Any) -> Literal["running", "done"]:
        return "done" if view.run.ended_at else "running"


class PresenceOut(Shape):
    state = serializers.ChoiceField(source="presence", choices=Presence.choices)
    queueOpen = serializers.BooleanField(source="is_open")
    watched = serializers.SerializerMethodField(
        help_text="true from the first heartbeat of an open queue until it closes"
    )
    awayAfter = serializers.DateTimeField(
        source="silent_at", allow_null=True, help_text="without a heartbeat until then the started item is ended"
    )

    def get_watched(self, queue: PerformerQueue) -> bool:
        return queue.silent_at is not None


class SettingsOut(Shape):
    maxDepth = serializers.IntegerField(source="depth")
    openItemsPerUser = serializers.IntegerField(source="user_cap")
    ropeDropSeconds = serializers.IntegerField(source="rope_drop_s")
    maxWaitSeconds = serializers.IntegerField(source="max_wait_s")
    overrunGraceSeconds = serializers.IntegerField(source="grace_s")
    disconnectGraceSeconds = serializers.IntegerField(source="disconnect_s")
    abandonmentPolicy = serializers.ChoiceField(source="abandon_policy", choices=AbandonPolicy.choices)


class BlockOut(Shape):
    id = serializers.UUIDField()
    userId = serializers.UUIDField(source="user_id")
    username = serializers.CharField(source="user.username")
    at = serializers.DateTimeField()


class UnblockedOut(Shape):
    userId = serializers.UUIDField(source="*")  # rendered from the id
    blocked = serializers.SerializerMethodField()

    def get_blocked(self, user_id: object) -> bool:
        return False


class ServiceHoldOut(HoldFactsOut):
    expiresAt = serializers.SerializerMethodField(help_text="null once an item took the hold or it was closed")


QueueItemsOut = page_of(QueueItemOut)
PerformersOut = page_of(PerformerOut)
BlocksOut = page_of(BlockOut)
