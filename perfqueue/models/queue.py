"""The queue's tables. Life cycle by django-fsm; triggers enforce the graph once more (`perfqueue/schema/items.sql`)."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from core.clock import CoreNow
from core.ids import new_id

DEFAULT_DURATION_S = 30 * 60
MAX_ROPE_DROP_S = 900


class State(models.TextChoices):
    CREATED = "created"
    STARTED = "started"
    FINISHED = "finished"
    ABANDONED = "abandoned"
    REFUNDED = "refunded"


OPEN_STATES = (State.CREATED, State.STARTED, State.ABANDONED)
DEADLINES = {
    State.CREATED: ("rope_drop_at", "max_wait_at"),
    State.STARTED: ("deadline_at",),
    State.ABANDONED: ("resolve_by",),
}
"""By state, the columns of QueueItem whose passing makes an item overdue. The one definition of overdue."""


class Cause(models.TextChoices):
    """The machine's codes for what stopped or ended an item. A person's own text is a reason and goes into no event.

    The columns have no `choices`: the back office shows the code, not a label.
    """

    LEFT = "LEFT"
    STREAM_ENDED = "STREAM_ENDED"
    ROPE_DROP = "ROPE_DROP_EXPIRED"
    MAX_WAIT = "MAX_WAIT_PASSED"
    DEADLINE = "DEADLINE_PASSED"
    RESOLVE_BY = "RESOLVE_BY_PASSED"
    DISCONNECTED = "DISCONNECTED"
    BLOCKED = "BUYER_BLOCKED"
    WITHDRAWN = "ITEM_WITHDRAWN"


def cause_known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(cause="") | Q(cause__in=Cause.values), name=name)


class Fulfilment(models.TextChoices):
    PERFORMED = "performed"
    INSTANT = "instant"


class AbandonPolicy(models.TextChoices):
    FULL_REFUND = "full_refund"
    REVIEW = "review"


class Presence(models.TextChoices):
    STREAMING = "streaming"
    IDLE = "idle"
    OFFLINE = "offline"


class PerformerQueue(models.Model):
    """One performer's queue: open or not, its settings, and the next turn. Its row lock orders everything.

    Watched (a heartbeat came since it was opened): the performer counts as away from `silent_at`, and the stream as
    ended from `ends_at`, unless another heartbeat moves both. `away_at`: away since then, carried out; null: present.
    `opened_at`, `closed_at`: when it was last opened and last closed.
    `revision`: the database counts it up in each transaction that changes the row or an item of the queue.
    """

    performer = models.OneToOneField("accounts.User", on_delete=models.PROTECT, primary_key=True, related_name="+")
    is_open = models.BooleanField(default=False)
    is_paused = models.BooleanField(default=False)
    depth = models.PositiveSmallIntegerField(default=25)
    user_cap = models.PositiveSmallIntegerField(default=3)
    rope_drop_s = models.PositiveSmallIntegerField(default=120)
    max_wait_s = models.PositiveIntegerField(default=4 * 3600)
    grace_s = models.PositiveSmallIntegerField(default=30)
    disconnect_s = models.PositiveSmallIntegerField(default=60)
    abandon_policy = models.CharField(max_length=11, choices=AbandonPolicy.choices, default=AbandonPolicy.FULL_REFUND)
    presence = models.CharField(max_length=9, choices=Presence.choices, default=Presence.OFFLINE)
    seen_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    silent_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    away_at = models.DateTimeField(null=True, blank=True)
    next_turn = models.BigIntegerField(default=1)
    revision = models.BigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(depth__gte=1, depth__lte=200), name="perfqueue_depth_1_to_200"),
            models.CheckConstraint(condition=Q(user_cap__gte=1), name="perfqueue_user_cap_from_1"),
            models.CheckConstraint(
                condition=Q(rope_drop_s__gte=1, rope_drop_s__lte=MAX_ROPE_DROP_S), name="perfqueue_rope_drop_to_900_s"
            ),
            models.CheckConstraint(
                condition=Q(abandon_policy__in=AbandonPolicy.values), name="perfqueue_abandon_policy_known"
            ),
            models.CheckConstraint(condition=Q(presence__in=Presence.values), name="perfqueue_presence_known"),
            models.CheckConstraint(
                condition=Q(silent_at__isnull=True, ends_at__isnull=True, away_at__isnull=True)
                | Q(is_open=True, silent_at__isnull=False, ends_at__gte=F("silent_at")),
                name="perfqueue_watched_while_open",
            ),
        ]
        indexes = [models.Index(fields=["silent_at"], name="perfqueue_watched", condition=Q(silent_at__isnull=False))]


class QueueItem(models.Model):
    """One paid request, from intake to its end. `hold` is the only link between queue and money.

    `turn` orders the queue. `rope_drop_at` is set for the head only; a stopped rope drop keeps `rope_drop_left_ms`.
    `cause` (a code of Cause) or `reason` (a person's text): what stopped or ended it last.
    Never `refresh_from_db`: select it again under the lock.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    performer = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False)
    hold = models.OneToOneField("escrow.Hold", on_delete=models.PROTECT, related_name="+")
    tokens = models.BigIntegerField()
    currency = models.CharField(max_length=5)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    duration_s = models.PositiveIntegerField(null=True)
    fulfilment = models.CharField(max_length=9, choices=Fulfilment.choices)
    source_feature = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=128)
    source_event_id = models.CharField(max_length=128, blank=True)
    metadata = models.JSONField(default=dict)
    award = models.BigIntegerField(default=0)
    fee_bps = models.PositiveIntegerField(default=0)
    state = FSMField(max_length=9, choices=State.choices, default=State.CREATED, protected=True)
    turn = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    rope_drop_at = models.DateTimeField(null=True)
    rope_drop_left_ms = models.IntegerField(null=True)
    max_wait_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    resolve_by = models.DateTimeField(null=True)
    settle_tokens = models.BigIntegerField(null=True)
    refund_tokens = models.BigIntegerField(null=True)
    cause = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    third_noticed = models.BooleanField(default=False)
    next_noticed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key", "source_feature"], name="perfqueue_intake_once"),
            models.UniqueConstraint(
                fields=["performer"], name="perfqueue_one_started", condition=Q(state="started", fulfilment="performed")
            ),
            models.UniqueConstraint(
                fields=["performer", "turn"], name="perfqueue_turn_once", condition=Q(turn__isnull=False)
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="perfqueue_state_known"),
            cause_known("perfqueue_cause_known"),
            models.CheckConstraint(condition=Q(tokens__gte=1), name="perfqueue_tokens_positive"),
            models.CheckConstraint(condition=Q(award__gte=0), name="perfqueue_award_not_negative"),
            models.CheckConstraint(
                condition=Q(award__lte=0) | Q(fulfilment="instant"), name="perfqueue_award_for_instant_items"
            ),
            models.CheckConstraint(
                condition=Q(fulfilment="performed", performer__isnull=False, turn__isnull=False, currency="TOKEN")
                | Q(fulfilment="instant", turn__isnull=True),
                name="perfqueue_performed_has_turn",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=("finished", "refunded"),
                    settle_tokens__isnull=False,
                    refund_tokens__isnull=False,
                    settle_tokens__gte=0,
                    refund_tokens__gte=0,
                    tokens=F("settle_tokens") + F("refund_tokens"),
                    ended_at__isnull=False,
                )
                | Q(
                    state__in=("created", "started", "abandoned"),
                    settle_tokens__isnull=True,
                    refund_tokens__isnull=True,
                ),
                name="perfqueue_final_amounts_add_up",
            ),
            models.CheckConstraint(
                condition=~Q(state="refunded") | Q(settle_tokens=0), name="perfqueue_refund_is_whole"
            ),
            models.CheckConstraint(
                condition=~Q(state="finished") | Q(settle_tokens__gte=1), name="perfqueue_finish_pays"
            ),
            models.CheckConstraint(
                condition=Q(rope_drop_at__isnull=True, rope_drop_left_ms__isnull=True) | Q(state="created"),
                name="perfqueue_rope_drop_only_created",
            ),
            models.CheckConstraint(
                condition=~Q(state="started", fulfilment="performed")
                | Q(started_at__isnull=False, deadline_at__isnull=False),
                name="perfqueue_started_has_deadline",
            ),
            models.CheckConstraint(
                condition=~Q(state="abandoned") | Q(resolve_by__isnull=False), name="perfqueue_review_has_end"
            ),
        ]
        indexes = [
            models.Index(fields=["performer", "turn"], name="perfqueue_open_items", condition=Q(state__in=OPEN_STATES)),
            models.Index(
                fields=["performer", "-ended_at"],
                name="perfqueue_performances",
                condition=Q(state="finished", fulfilment="performed"),
            ),
            models.Index(fields=["user", "-id"], name="perfqueue_items_of_buyer"),
            models.Index(fields=["performer", "-id"], name="perfqueue_items_of_performer"),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.state}"

    @cached_property
    def steps(self) -> list["Step"]:
        """Steps taken in memory since the item was read or made; `services.transitions` stores them."""
        return []

    # The graph. A method sets a state's amounts and times with it, and adds its step.

    @transition(field=state, source=State.CREATED, target=State.STARTED)
    def start(self, *, now: datetime, deadline_at: datetime | None, reason: str = "") -> None:
        self.steps.append(Step(self.state, State.STARTED, now, "", reason))
        self.started_at, self.deadline_at = now, deadline_at
        self.rope_drop_at = self.rope_drop_left_ms = None

    @transition(field=state, source=[State.STARTED, State.ABANDONED], target=State.FINISHED)
    def finish(self, *, now: datetime, settle: int, refund: int, reason: str = "") -> None:
        self.steps.append(Step(self.state, State.FINISHED, now, "", reason))
        self._end(now, settle, refund, "", reason)

    @transition(field=state, source=[State.CREATED, State.STARTED], target=State.ABANDONED)
    def abandon(self, *, now: datetime, resolve_by: datetime, cause: str = "", reason: str = "") -> None:
        self.steps.append(Step(self.state, State.ABANDONED, now, cause, reason))
        self.resolve_by, self.cause, self.reason = resolve_by, cause, reason
        self.rope_drop_at = self.rope_drop_left_ms = None

    @transition(field=state, source=[State.CREATED, State.STARTED, State.ABANDONED], target=State.REFUNDED)
    def refund(self, *, now: datetime, cause: str = "", reason: str = "") -> None:
        self.steps.append(Step(self.state, State.REFUNDED, now, cause, reason))
        self._end(now, 0, self.tokens, cause, reason)

    def _end(self, now: datetime, settle: int, refund: int, cause: str, reason: str) -> None:
        self.ended_at, self.settle_tokens, self.refund_tokens = now, settle, refund
        if cause:  # an expired review keeps the cause for which the item was abandoned
            self.cause = self.cause or cause
        elif reason:
            self.cause, self.reason = "", reason
        self.rope_drop_at = self.rope_drop_left_ms = None

    @property
    def planned_s(self) -> int:
        """How long the performance is planned to take, in seconds."""
        return self.duration_s or DEFAULT_DURATION_S

    @property
    def is_final(self) -> bool:
        return self.state in (State.FINISHED, State.REFUNDED)

    @property
    def shown_reason(self) -> str:
        """What the API and the ledger have as reason: the cause's code, else the person's text."""
        return self.cause or self.reason

    def is_overdue(self, at: datetime) -> bool:
        deadlines = [getattr(self, column) for column in DEADLINES.get(State(self.state), ())]
        return any(deadline is not None and deadline <= at for deadline in deadlines)


@dataclass(frozen=True)
class Step:
    """An edge that an item has taken in memory. `source` is "" for a new item."""

    source: str
    target: str
    at: datetime
    cause: str = ""
    reason: str = ""


class Transition(models.Model):
    """One step of an item: from, to, actor (null: the system), cause or reason, request. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(QueueItem, on_delete=models.PROTECT, related_name="transitions")
    from_state = models.CharField(max_length=9, blank=True)
    to_state = models.CharField(max_length=9)
    actor = models.UUIDField(null=True)
    cause = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(to_state__in=State.values), name="perfqueue_transition_to_known"),
            cause_known("perfqueue_transition_cause_known"),
        ]


class Strike(models.Model):
    """A performer let a rope drop or a maximum wait pass. For staff to read; nothing follows from it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    performer = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey(QueueItem, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=20)
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [cause_known("perfqueue_strike_cause_known")]


def columns_of(row: models.Model) -> dict[str, Any]:
    """A row's values by column, for `perfqueue_store`."""
    return {str(field.column): getattr(row, field.attname) for field in row._meta.concrete_fields}
