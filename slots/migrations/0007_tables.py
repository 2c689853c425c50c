import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("slots", "0006_store"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Aggregated",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("upto", models.UUIDField()),
            ],
        ),
        migrations.AddField(
            model_name="game",
            name="closed_by_drift_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="game",
            name="counted_from",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="acknowledged_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="day_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="day_nonce",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="day_staked",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="month_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="month_nonce",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="month_staked",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="seed_key",
            field=models.SmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="session_nonce",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="session_staked",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="week_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="week_nonce",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="slotstate",
            name="week_staked",
            field=models.BigIntegerField(null=True),
        ),
        migrations.CreateModel(
            name="Archive",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("month", models.DateField(unique=True)),
                ("spins", models.BigIntegerField()),
                ("first_id", models.UUIDField(null=True)),
                ("last_id", models.UUIDField(null=True)),
                ("folder", models.TextField()),
                ("list_sha256", models.BinaryField(max_length=32)),
                ("signature", models.BinaryField(max_length=64)),
                ("key_id", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("checked_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("month__day", 1)), name="slots_archive_of_a_month"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("first_id__isnull", True), ("last_id__isnull", True), ("spins", 0)),
                            models.Q(
                                ("first_id__isnull", False),
                                ("first_id__lte", models.F("last_id")),
                                ("last_id__isnull", False),
                                ("spins__gte", 1),
                            ),
                            _connector="OR",
                        ),
                        name="slots_archive_names_its_spins",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Figure",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day", "paytable_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("paytable_id", models.UUIDField()),
                ("spins", models.BigIntegerField(default=0)),
                ("players", models.BigIntegerField(default=0)),
                ("staked", models.BigIntegerField(default=0)),
                ("paid", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("paid__gte", 0), ("players__gte", 0), ("spins__gte", 0), ("staked__gte", 0)
                        ),
                        name="slots_figure_counts_up",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Hit",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day", "paytable_id", "kind", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("paytable_id", models.UUIDField()),
                ("kind", models.CharField(max_length=40)),
                ("hits", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("hits__gte", 0)), name="slots_hit_counts_up")
                ],
            },
        ),
        migrations.CreateModel(
            name="Look",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("paytable_digest", models.BinaryField(max_length=32)),
                ("counted_from", models.UUIDField(null=True)),
                ("spins", models.BigIntegerField()),
                ("staked", models.BigIntegerField()),
                ("paid", models.BigIntegerField()),
                ("z", models.FloatField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[("shown", "Shown"), ("ok", "Ok"), ("warn", "Warn"), ("disable", "Disable")],
                        max_length=7,
                    ),
                ),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("paytable_digest", "counted_from", "spins"),
                        name="slots_look_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["shown", "ok", "warn", "disable"])),
                        name="slots_look_verdict_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("paid__gte", 0), ("spins__gte", 1), ("staked__gte", 0)),
                        name="slots_look_counts_up",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlayDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day", "user_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("user_id", models.UUIDField()),
                ("spins", models.BigIntegerField(default=0)),
                ("seconds_played", models.BigIntegerField(default=0)),
                ("staked", models.BigIntegerField(default=0)),
                ("paid", models.BigIntegerField(default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["user_id", "-day"], name="slots_playday_of_user")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("paid__gte", 0), ("seconds_played__gte", 0), ("spins__gte", 0), ("staked__gte", 0)
                        ),
                        name="slots_playday_counts_up",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SpinOrigin",
            fields=[
                ("spin_id", models.UUIDField(primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("address", models.GenericIPAddressField(null=True)),
                ("user_agent", models.CharField(db_default="", max_length=400)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["user_id"], name="slots_spinorigin_of_user")],
            },
        ),
        migrations.CreateModel(
            name="PaytableStep",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "from_status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("computed", "Computed"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                        ],
                        db_default="",
                        max_length=8,
                    ),
                ),
                (
                    "to_status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("computed", "Computed"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                        ],
                        max_length=8,
                    ),
                ),
                ("reason", models.TextField(db_default="")),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "paytable",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="slots.paytable",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["paytable", "-id"], name="slots_paytablestep_of_table")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("from_status__in", ["", "draft", "computed", "approved", "active", "retired"]),
                            ("to_status__in", ["draft", "computed", "approved", "active", "retired"]),
                        ),
                        name="slots_paytablestep_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("to_status", "retired"), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="slots_paytablestep_retired_why",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reopening",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("asked_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("reason", models.TextField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("approved", models.BooleanField(null=True)),
                ("decision_reason", models.TextField(db_default="")),
                (
                    "asked_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "game",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="slots.game"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["game", "-id"], name="slots_reopening_of_game")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("approved__isnull", True)),
                        fields=("game",),
                        name="slots_reopening_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="slots_reopening_has_a_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("approved__isnull", True), ("decided_at__isnull", True), ("decided_by__isnull", True)
                            ),
                            models.Q(
                                ("approved__isnull", False),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="slots_reopening_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved__isnull", True),
                            ("approved", False),
                            models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="slots_reopening_four_eyes",
                    ),
                ],
            },
        ),
        sql_file("slots/sql/0007_tables.sql"),
    ]
