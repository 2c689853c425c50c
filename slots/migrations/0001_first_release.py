import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_first_release"),
        ("accounts", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Spin",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("nonce", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("bet", models.BigIntegerField()),
                ("payout", models.BigIntegerField()),
                ("ticket", models.BigIntegerField()),
                ("symbols", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=3)),
                ("paytable_id", models.UUIDField()),
                ("paytable_digest", models.BinaryField(max_length=32)),
                ("seed", models.BinaryField(max_length=32)),
                ("next_commitment", models.BinaryField(max_length=32)),
                ("client_seed", models.TextField()),
                ("client_nonce", models.BinaryField(max_length=16)),
                ("client_nonce_drawn", models.BooleanField()),
                ("performer_id", models.UUIDField(null=True)),
                ("hold_id", models.UUIDField()),
                ("item_id", models.UUIDField()),
                ("balance_before", models.BigIntegerField()),
                ("balance_after", models.BigIntegerField()),
                ("staked_total", models.BigIntegerField()),
                ("paid_total", models.BigIntegerField()),
                ("chain", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": "slots_spin",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Game",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=20, unique=True)),
                ("enabled", models.BooleanField(default=True)),
                ("changed_at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.CreateModel(
            name="Paytable",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=40)),
                ("version", models.PositiveIntegerField()),
                ("canonical", models.TextField()),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("declared_rtp", models.CharField(max_length=40)),
                ("par", models.JSONField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("computed", "Computed"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                        ],
                        default="draft",
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("computed_at", models.DateTimeField(null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                ("activated_at", models.DateTimeField(null=True)),
                ("retired_at", models.DateTimeField(null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SlotState",
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
                ("nonce", models.BigIntegerField(default=0)),
                ("commitment", models.BinaryField(max_length=32)),
                ("sealed_seed", models.BinaryField(max_length=60)),
                ("client_seed", models.CharField(blank=True, default="", max_length=64)),
                ("chain", models.BinaryField(max_length=32)),
                ("staked_total", models.BigIntegerField(default=0)),
                ("paid_total", models.BigIntegerField(default=0)),
                ("last_spin_at", models.DateTimeField(null=True)),
                ("session_started_at", models.DateTimeField(null=True)),
                ("session_net", models.BigIntegerField(default=0)),
                ("reality_at", models.DateTimeField(null=True)),
                (
                    "paytable",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="slots.paytable"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="paytable",
            constraint=models.UniqueConstraint(fields=("code", "version"), name="slots_paytable_version_once"),
        ),
        migrations.AddConstraint(
            model_name="paytable",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "active")), fields=("status",), name="slots_paytable_one_active"
            ),
        ),
        migrations.AddConstraint(
            model_name="paytable",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["draft", "computed", "approved", "active", "retired"])),
                name="slots_paytable_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="paytable",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("par__isnull", True), ("status", "draft")),
                    models.Q(models.Q(("status", "draft"), _negated=True), ("par__isnull", False)),
                    _connector="OR",
                ),
                name="slots_paytable_computed_has_par",
            ),
        ),
        migrations.AddConstraint(
            model_name="paytable",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("created_by")), _negated=True),
                    _connector="OR",
                ),
                name="slots_paytable_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="slotstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("nonce__gte", 0)), name="slots_state_nonce_counts_up"
            ),
        ),
        migrations.AddConstraint(
            model_name="slotstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("paid_total__gte", 0), ("staked_total__gte", 0)), name="slots_state_totals_count_up"
            ),
        ),
        sql_file("slots/sql/0001_first_release.sql"),
    ]
