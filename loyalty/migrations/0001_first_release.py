import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0005_erasure"),
        ("core", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EarningMark",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("upto_at", models.DateTimeField(null=True)),
                ("upto_id", models.CharField(db_default="", max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name="KnownBalance",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("balance", models.BigIntegerField()),
                ("as_of", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ReconciliationRun",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("day", models.DateField(unique=True)),
                ("started_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("ended_at", models.DateTimeField(null=True)),
                ("after_user", models.UUIDField(null=True)),
                ("users", models.PositiveIntegerField(default=0)),
                ("entries", models.PositiveIntegerField(default=0)),
                ("clearing_here", models.BigIntegerField(default=0)),
                ("clearing_there", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("event_id", models.CharField(max_length=128, unique=True)),
                ("type", models.CharField(max_length=64)),
                ("body", models.JSONField()),
                ("received_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("handled", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "indexes": [models.Index(fields=["-id"], name="loyalty_webhook_newest")],
            },
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("member_id", models.CharField(max_length=128)),
                ("linked_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("unlinked_at", models.DateTimeField(null=True)),
                ("reason", models.TextField(db_default="")),
                (
                    "unlinked_by",
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
            options={
                "indexes": [
                    models.Index(fields=["user", "-id"], name="loyalty_link_of_user"),
                    models.Index(fields=["member_id", "-id"], name="loyalty_link_of_member"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("unlinked_at__isnull", True)),
                        fields=("user",),
                        name="loyalty_link_one_of_user",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("unlinked_at__isnull", True)),
                        fields=("member_id",),
                        name="loyalty_link_one_of_member",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("member_id", ""), _negated=True), name="loyalty_link_has_a_member"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), ("unlinked_at__isnull", True), ("unlinked_by__isnull", True)),
                            models.Q(("unlinked_at__isnull", False), models.Q(("reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="loyalty_link_unlinked_with_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LinkIntent",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("intent_id", models.CharField(max_length=128, unique=True)),
                ("link_code", models.CharField(max_length=128)),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("confirmed_at", models.DateTimeField(null=True)),
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
                "indexes": [models.Index(fields=["user", "-id"], name="loyalty_linkintent_of_user")],
            },
        ),
        migrations.CreateModel(
            name="Difference",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("missing", "Missing"), ("extra", "Extra"), ("differs", "Differs")], max_length=7
                    ),
                ),
                ("key", models.CharField(max_length=128)),
                ("source", models.CharField(db_default="", max_length=64)),
                ("here", models.BigIntegerField(null=True)),
                ("there", models.BigIntegerField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="differences",
                        to="loyalty.reconciliationrun",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["user", "-id"], name="loyalty_difference_of_user")],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "user", "key"), name="loyalty_difference_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["missing", "extra", "differs"])),
                        name="loyalty_difference_kind_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RemoteOperation",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("deduct", "Deduct"),
                            ("credit", "Credit"),
                            ("refund", "Refund"),
                            ("earn", "Earn"),
                            ("earn_reversal", "Earn Reversal"),
                        ],
                        max_length=13,
                    ),
                ),
                ("amount", models.BigIntegerField()),
                ("key", models.CharField(max_length=100)),
                ("source", models.CharField(max_length=64)),
                ("body", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("unknown", "Unknown"),
                            ("confirmed", "Confirmed"),
                            ("refused", "Refused"),
                            ("compensated", "Compensated"),
                            ("dead", "Dead"),
                        ],
                        default="open",
                        max_length=11,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(db_default=0, default=0)),
                ("due_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("asked_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("retried_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("new_balance", models.BigIntegerField(null=True)),
                ("error", models.CharField(db_default="", default="", max_length=64)),
                ("request_id", models.CharField(db_default="", default="", max_length=128)),
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("open", "unknown"))),
                        fields=["due_at"],
                        name="loyalty_operation_due",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ("open", "unknown"))),
                        fields=["user", "kind"],
                        name="loyalty_operation_waiting",
                    ),
                    models.Index(condition=models.Q(("state", "dead")), fields=["-id"], name="loyalty_operation_dead"),
                    models.Index(fields=["user", "-id"], name="loyalty_operation_of_user"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("key",), name="loyalty_operation_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["deduct", "credit", "refund", "earn", "earn_reversal"])),
                        name="loyalty_operation_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["open", "unknown", "confirmed", "refused", "compensated", "dead"])
                        ),
                        name="loyalty_operation_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 1), ("amount__lte", 1000000000)),
                        name="loyalty_operation_amount_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("state__in", ("open", "unknown"))),
                            models.Q(
                                models.Q(("state__in", ("open", "unknown")), _negated=True),
                                ("closed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="loyalty_operation_closed_has_a_time",
                    ),
                ],
            },
        ),
        sql_file("loyalty/sql/0001_first_release.sql"),
    ]
