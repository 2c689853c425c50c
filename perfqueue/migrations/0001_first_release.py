import django.db.models.deletion
import django.db.models.expressions
import django_fsm
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_first_release"),
        ("accounts", "0001_first_release"),
        ("escrow", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PerformerQueue",
            fields=[
                (
                    "performer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("is_open", models.BooleanField(default=False)),
                ("is_paused", models.BooleanField(default=False)),
                ("depth", models.PositiveSmallIntegerField(default=25)),
                ("user_cap", models.PositiveSmallIntegerField(default=3)),
                ("rope_drop_s", models.PositiveSmallIntegerField(default=120)),
                ("max_wait_s", models.PositiveIntegerField(default=14400)),
                ("grace_s", models.PositiveSmallIntegerField(default=30)),
                ("disconnect_s", models.PositiveSmallIntegerField(default=60)),
                (
                    "abandon_policy",
                    models.CharField(
                        choices=[("full_refund", "Full Refund"), ("review", "Review")],
                        default="full_refund",
                        max_length=11,
                    ),
                ),
                (
                    "presence",
                    models.CharField(
                        choices=[("streaming", "Streaming"), ("idle", "Idle"), ("offline", "Offline")],
                        default="offline",
                        max_length=9,
                    ),
                ),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                ("silent_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("away_at", models.DateTimeField(blank=True, null=True)),
                ("next_turn", models.BigIntegerField(default=1)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("silent_at__isnull", False)), fields=["silent_at"], name="perfqueue_watched"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("depth__gte", 1), ("depth__lte", 200)), name="perfqueue_depth_1_to_200"
                    ),
                    models.CheckConstraint(condition=models.Q(("user_cap__gte", 1)), name="perfqueue_user_cap_from_1"),
                    models.CheckConstraint(
                        condition=models.Q(("rope_drop_s__gte", 1), ("rope_drop_s__lte", 900)),
                        name="perfqueue_rope_drop_to_900_s",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("abandon_policy__in", ["full_refund", "review"])),
                        name="perfqueue_abandon_policy_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("presence__in", ["streaming", "idle", "offline"])),
                        name="perfqueue_presence_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("away_at__isnull", True), ("ends_at__isnull", True), ("silent_at__isnull", True)),
                            models.Q(
                                ("ends_at__gte", models.F("silent_at")), ("is_open", True), ("silent_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="perfqueue_watched_while_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QueueItem",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("tokens", models.BigIntegerField()),
                ("currency", models.CharField(max_length=5)),
                ("title", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                ("duration_s", models.PositiveIntegerField(null=True)),
                (
                    "fulfilment",
                    models.CharField(choices=[("performed", "Performed"), ("instant", "Instant")], max_length=9),
                ),
                ("source_feature", models.CharField(max_length=40)),
                ("idempotency_key", models.CharField(max_length=128)),
                ("source_event_id", models.CharField(blank=True, max_length=128)),
                ("metadata", models.JSONField(default=dict)),
                ("award", models.BigIntegerField(default=0)),
                ("fee_bps", models.PositiveIntegerField(default=0)),
                (
                    "state",
                    django_fsm.FSMField(
                        choices=[
                            ("created", "Created"),
                            ("started", "Started"),
                            ("finished", "Finished"),
                            ("abandoned", "Abandoned"),
                            ("refunded", "Refunded"),
                        ],
                        default="created",
                        max_length=9,
                        protected=True,
                    ),
                ),
                ("turn", models.BigIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("rope_drop_at", models.DateTimeField(null=True)),
                ("rope_drop_left_ms", models.IntegerField(null=True)),
                ("max_wait_at", models.DateTimeField(null=True)),
                ("deadline_at", models.DateTimeField(null=True)),
                ("resolve_by", models.DateTimeField(null=True)),
                ("settle_tokens", models.BigIntegerField(null=True)),
                ("refund_tokens", models.BigIntegerField(null=True)),
                ("cause", models.CharField(blank=True, max_length=20)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("third_noticed", models.BooleanField(default=False)),
                ("next_noticed", models.BooleanField(default=False)),
                (
                    "hold",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.hold"
                    ),
                ),
                (
                    "performer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("refund", "Refund in full"),
                            ("resolve", "End the review in the performer's favour"),
                            ("split", "Split"),
                        ],
                        max_length=7,
                    ),
                ),
                ("settle", models.BigIntegerField(null=True)),
                ("reason", models.CharField(max_length=500)),
                ("filters", models.JSONField(null=True)),
                ("total", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "actor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RunItem",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("item_id", models.UUIDField()),
                ("code", models.CharField(blank=True, max_length=40)),
                ("settled", models.BigIntegerField(default=0)),
                ("refunded", models.BigIntegerField(default=0)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="perfqueue.run",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Strike",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("cause", models.CharField(max_length=20)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="perfqueue.queueitem"
                    ),
                ),
                (
                    "performer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Transition",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("from_state", models.CharField(blank=True, max_length=9)),
                ("to_state", models.CharField(max_length=9)),
                ("actor", models.UUIDField(null=True)),
                ("cause", models.CharField(blank=True, max_length=20)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transitions",
                        to="perfqueue.queueitem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Block",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "performer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("performer", "user"), name="perfqueue_block_once"),
                    models.CheckConstraint(
                        condition=models.Q(("user", models.F("performer")), _negated=True),
                        name="perfqueue_block_of_another",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(
                condition=models.Q(("state__in", ("created", "started", "abandoned"))),
                fields=["performer", "turn"],
                name="perfqueue_open_items",
            ),
        ),
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(
                condition=models.Q(("fulfilment", "performed"), ("state", "finished")),
                fields=["performer", "-ended_at"],
                name="perfqueue_performances",
            ),
        ),
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(fields=["user", "-id"], name="perfqueue_items_of_buyer"),
        ),
        migrations.AddIndex(
            model_name="queueitem",
            index=models.Index(fields=["performer", "-id"], name="perfqueue_items_of_performer"),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.UniqueConstraint(
                fields=("idempotency_key", "source_feature"), name="perfqueue_intake_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("fulfilment", "performed"), ("state", "started")),
                fields=("performer",),
                name="perfqueue_one_started",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("turn__isnull", False)), fields=("performer", "turn"), name="perfqueue_turn_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["created", "started", "finished", "abandoned", "refunded"])),
                name="perfqueue_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause", ""),
                    (
                        "cause__in",
                        [
                            "LEFT",
                            "STREAM_ENDED",
                            "ROPE_DROP_EXPIRED",
                            "MAX_WAIT_PASSED",
                            "DEADLINE_PASSED",
                            "RESOLVE_BY_PASSED",
                            "DISCONNECTED",
                            "BUYER_BLOCKED",
                            "ITEM_WITHDRAWN",
                        ],
                    ),
                    _connector="OR",
                ),
                name="perfqueue_cause_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(condition=models.Q(("tokens__gte", 1)), name="perfqueue_tokens_positive"),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("award__gte", 0)), name="perfqueue_award_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("award__lte", 0), ("fulfilment", "instant"), _connector="OR"),
                name="perfqueue_award_for_instant_items",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("currency", "TOKEN"),
                        ("fulfilment", "performed"),
                        ("performer__isnull", False),
                        ("turn__isnull", False),
                    ),
                    models.Q(("fulfilment", "instant"), ("turn__isnull", True)),
                    _connector="OR",
                ),
                name="perfqueue_performed_has_turn",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", False),
                        ("refund_tokens__gte", 0),
                        ("refund_tokens__isnull", False),
                        ("settle_tokens__gte", 0),
                        ("settle_tokens__isnull", False),
                        ("state__in", ("finished", "refunded")),
                        (
                            "tokens",
                            django.db.models.expressions.CombinedExpression(
                                models.F("settle_tokens"), "+", models.F("refund_tokens")
                            ),
                        ),
                    ),
                    models.Q(
                        ("refund_tokens__isnull", True),
                        ("settle_tokens__isnull", True),
                        ("state__in", ("created", "started", "abandoned")),
                    ),
                    _connector="OR",
                ),
                name="perfqueue_final_amounts_add_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "refunded"), _negated=True), ("settle_tokens", 0), _connector="OR"
                ),
                name="perfqueue_refund_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "finished"), _negated=True), ("settle_tokens__gte", 1), _connector="OR"
                ),
                name="perfqueue_finish_pays",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("rope_drop_at__isnull", True), ("rope_drop_left_ms__isnull", True)),
                    ("state", "created"),
                    _connector="OR",
                ),
                name="perfqueue_rope_drop_only_created",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("fulfilment", "performed"), ("state", "started"), _negated=True),
                    models.Q(("deadline_at__isnull", False), ("started_at__isnull", False)),
                    _connector="OR",
                ),
                name="perfqueue_started_has_deadline",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "abandoned"), _negated=True), ("resolve_by__isnull", False), _connector="OR"
                ),
                name="perfqueue_review_has_end",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["id"], name="perfqueue_run_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", ["refund", "resolve", "split"])), name="perfqueue_run_action_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("action", "split"), ("settle__gte", 1), ("settle__isnull", False)),
                    models.Q(models.Q(("action", "split"), _negated=True), ("settle__isnull", True)),
                    _connector="OR",
                ),
                name="perfqueue_run_split_names_a_part",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="perfqueue_run_has_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(condition=models.Q(("total__gte", 1)), name="perfqueue_run_has_items"),
        ),
        migrations.AddIndex(
            model_name="runitem",
            index=models.Index(
                condition=models.Q(("done_at__isnull", True)), fields=["id"], name="perfqueue_run_item_waits"
            ),
        ),
        migrations.AddIndex(
            model_name="runitem",
            index=models.Index(fields=["item_id"], name="perfqueue_run_item_of_item"),
        ),
        migrations.AddConstraint(
            model_name="runitem",
            constraint=models.UniqueConstraint(fields=("run", "item_id"), name="perfqueue_run_item_once"),
        ),
        migrations.AddConstraint(
            model_name="runitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("code", ""), ("done_at__isnull", True), ("refunded", 0), ("settled", 0)),
                    models.Q(
                        ("done_at__isnull", False),
                        ("refunded", 0),
                        ("settled", 0),
                        models.Q(("code", ""), _negated=True),
                    ),
                    models.Q(("code", ""), ("done_at__isnull", False), ("refunded__gte", 0), ("settled__gte", 0)),
                    _connector="OR",
                ),
                name="perfqueue_run_item_has_one_result",
            ),
        ),
        migrations.AddConstraint(
            model_name="strike",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause", ""),
                    (
                        "cause__in",
                        [
                            "LEFT",
                            "STREAM_ENDED",
                            "ROPE_DROP_EXPIRED",
                            "MAX_WAIT_PASSED",
                            "DEADLINE_PASSED",
                            "RESOLVE_BY_PASSED",
                            "DISCONNECTED",
                            "BUYER_BLOCKED",
                            "ITEM_WITHDRAWN",
                        ],
                    ),
                    _connector="OR",
                ),
                name="perfqueue_strike_cause_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="transition",
            constraint=models.CheckConstraint(
                condition=models.Q(("to_state__in", ["created", "started", "finished", "abandoned", "refunded"])),
                name="perfqueue_transition_to_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="transition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause", ""),
                    (
                        "cause__in",
                        [
                            "LEFT",
                            "STREAM_ENDED",
                            "ROPE_DROP_EXPIRED",
                            "MAX_WAIT_PASSED",
                            "DEADLINE_PASSED",
                            "RESOLVE_BY_PASSED",
                            "DISCONNECTED",
                            "BUYER_BLOCKED",
                            "ITEM_WITHDRAWN",
                        ],
                    ),
                    _connector="OR",
                ),
                name="perfqueue_transition_cause_known",
            ),
        ),
    ]
