import datetime

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0002_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AgeCase",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("verified", "Verified"), ("rejected", "Rejected")],
                        default="pending",
                        max_length=8,
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        choices=[("new", "New"), ("asked", "Asked"), ("unsure", "Unsure"), ("no_answer", "No Answer")],
                        default="new",
                        max_length=9,
                    ),
                ),
                ("region", models.CharField(max_length=40, null=True)),
                ("opened_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("decided_at", models.DateTimeField(null=True)),
                ("provider_reference", models.CharField(db_default="", max_length=200)),
                ("provider_answer", models.CharField(db_default="", max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name="AgeDecision",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("pending", "Pending"), ("verified", "Verified"), ("rejected", "Rejected")],
                        max_length=8,
                    ),
                ),
                ("by", models.CharField(choices=[("provider", "Provider"), ("staff", "Staff")], max_length=8)),
                ("reason", models.TextField()),
                ("policy_version", models.CharField(max_length=40)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.CreateModel(
            name="Break",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(choices=[("time_out", "Time Out"), ("exclusion", "Exclusion")], max_length=9),
                ),
                ("duration", models.CharField(db_default="", max_length=10)),
                ("from_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("until", models.DateTimeField(null=True)),
                ("actor", models.UUIDField(null=True)),
                ("is_inherited", models.BooleanField(db_default=False, default=False)),
            ],
        ),
        migrations.CreateModel(
            name="InheritedExclusion",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("email_hash", models.BinaryField(max_length=32, unique=True)),
                ("until", models.DateTimeField(null=True)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.CreateModel(
            name="Limit",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("currency", models.CharField(max_length=5)),
                ("window", models.CharField(choices=[("24h", "Day"), ("7d", "Week"), ("30d", "Month")], max_length=3)),
                ("amount", models.BigIntegerField(null=True)),
                ("since", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("is_pending", models.BooleanField(db_default=False, default=False)),
                ("pending_amount", models.BigIntegerField(null=True)),
                ("asked_at", models.DateTimeField(null=True)),
                ("effective_at", models.DateTimeField(null=True)),
                ("confirm_by", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="LimitChange",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("currency", models.CharField(max_length=5)),
                ("window", models.CharField(choices=[("24h", "Day"), ("7d", "Week"), ("30d", "Month")], max_length=3)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("set", "Set"),
                            ("asked", "Asked"),
                            ("confirmed", "Confirmed"),
                            ("dropped", "Dropped"),
                            ("lapsed", "Lapsed"),
                        ],
                        max_length=9,
                    ),
                ),
                ("old", models.BigIntegerField(null=True)),
                ("new", models.BigIntegerField(null=True)),
                ("actor", models.UUIDField(null=True)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.CreateModel(
            name="Marker",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("rapid_play", "Rapid Play"),
                            ("improbable_luck", "Improbable Luck"),
                            ("rtp_drift", "Rtp Drift"),
                            ("limit_raised", "Limit Raised"),
                            ("long_day", "Long Day"),
                            ("stake_after_check", "Stake After Check"),
                        ],
                        max_length=20,
                    ),
                ),
                ("subject", models.CharField(db_default="", max_length=80)),
                ("facts", models.JSONField(default=dict)),
                ("first_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("last_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("count", models.PositiveIntegerField(default=1)),
                (
                    "state",
                    models.CharField(choices=[("open", "Open"), ("closed", "Closed")], default="open", max_length=6),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                ("reason", models.TextField(db_default="")),
            ],
        ),
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(unique=True)),
                ("region", models.CharField(max_length=40)),
                ("slots", models.BooleanField()),
                ("wheel", models.BooleanField()),
                ("minimum_age", models.PositiveSmallIntegerField(default=18)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.CreateModel(
            name="SpendingWindow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "user_id", "currency", blank=True, editable=False, primary_key=True, serialize=False
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
                ("currency", models.CharField(max_length=5)),
            ],
        ),
        migrations.CreateModel(
            name="Terms",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField(unique=True)),
                ("title", models.CharField(max_length=120)),
                ("text", models.TextField()),
                ("digest", models.BinaryField(max_length=32)),
                ("published_at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.CreateModel(
            name="TermsAcceptance",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.AddField(
            model_name="refusal",
            name="region",
            field=models.CharField(max_length=40, null=True),
        ),
        migrations.AddIndex(
            model_name="refusal",
            index=models.Index(fields=["code", "-id"], name="compliance_refusal_of_code"),
        ),
        migrations.AddField(
            model_name="agecase",
            name="decided_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="agecase",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.CreateModel(
            name="AgeDate",
            fields=[
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="dates",
                        serialize=False,
                        to="compliance.agedecision",
                    ),
                ),
                ("old", models.DateField(null=True)),
                ("new", models.DateField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="agedecision",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="agedecision",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="break",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="limit",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="limitchange",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="marker",
            name="closed_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="marker",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="policyversion",
            name="author",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="terms",
            name="published_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="termsacceptance",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="termsacceptance",
            name="version",
            field=models.ForeignKey(
                db_column="version",
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.terms",
                to_field="version",
            ),
        ),
        migrations.AddIndex(
            model_name="agecase",
            index=models.Index(fields=["state", "opened_at", "id"], name="compliance_agecase_oldest"),
        ),
        migrations.AddConstraint(
            model_name="agecase",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "verified", "rejected"])),
                name="compliance_agecase_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="agecase",
            constraint=models.CheckConstraint(
                condition=models.Q(("why__in", ["new", "asked", "unsure", "no_answer"])),
                name="compliance_agecase_why_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="agecase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("state", "pending")),
                    models.Q(models.Q(("state", "pending"), _negated=True), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="compliance_agecase_decided_has_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="agedecision",
            index=models.Index(fields=["user", "-id"], name="compliance_agedecision_of_user"),
        ),
        migrations.AddConstraint(
            model_name="agedecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["verified", "rejected"])), name="compliance_agedecision_outcome"
            ),
        ),
        migrations.AddConstraint(
            model_name="agedecision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("actor__isnull", True), ("by", "provider")),
                    models.Q(("actor__isnull", False), ("by", "staff")),
                    _connector="OR",
                ),
                name="compliance_agedecision_staff_is_named",
            ),
        ),
        migrations.AddConstraint(
            model_name="agedecision",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="compliance_agedecision_has_a_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(fields=["user", "kind", "until"], name="compliance_break_of_user"),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["time_out", "exclusion"])), name="compliance_break_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "exclusion"), ("until__isnull", False), _connector="OR"),
                name="compliance_break_time_out_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__isnull", True), ("until__gt", models.F("from_at")), _connector="OR"),
                name="compliance_break_ends_after_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.UniqueConstraint(fields=("user", "currency", "window"), name="compliance_limit_once"),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__in", ("TOKEN", "POINT"))), name="compliance_limit_currency_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(("window__in", ["24h", "7d", "30d"])), name="compliance_limit_window_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__isnull", True),
                        models.Q(("amount__gte", 1), ("amount__lte", 1000000000)),
                        _connector="OR",
                    ),
                    models.Q(
                        ("pending_amount__isnull", True),
                        models.Q(("pending_amount__gte", 1), ("pending_amount__lte", 1000000000)),
                        _connector="OR",
                    ),
                ),
                name="compliance_limit_amounts_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("asked_at__isnull", True),
                        ("confirm_by__isnull", True),
                        ("effective_at__isnull", True),
                        ("is_pending", False),
                        ("pending_amount__isnull", True),
                    ),
                    models.Q(
                        ("asked_at__isnull", False),
                        ("confirm_by__isnull", False),
                        ("effective_at__isnull", False),
                        ("is_pending", True),
                    ),
                    _connector="OR",
                ),
                name="compliance_limit_pending_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_pending", False),
                    models.Q(
                        (
                            "confirm_by",
                            django.db.models.expressions.CombinedExpression(
                                models.F("effective_at"), "+", models.Value(datetime.timedelta(days=7))
                            ),
                        ),
                        (
                            "effective_at",
                            django.db.models.expressions.CombinedExpression(
                                models.F("asked_at"), "+", models.Value(datetime.timedelta(days=1))
                            ),
                        ),
                    ),
                    _connector="OR",
                ),
                name="compliance_limit_pending_waits",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_pending", False),
                    models.Q(
                        ("amount__isnull", False),
                        models.Q(
                            ("pending_amount__isnull", True),
                            ("pending_amount__gt", models.F("amount")),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="compliance_limit_pending_is_looser",
            ),
        ),
        migrations.AddIndex(
            model_name="limitchange",
            index=models.Index(fields=["user", "-id"], name="compliance_limitchange_of_user"),
        ),
        migrations.AddConstraint(
            model_name="limitchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__in", ("TOKEN", "POINT"))), name="compliance_limitchange_currency_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="limitchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("window__in", ["24h", "7d", "30d"])), name="compliance_limitchange_window_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="limitchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["set", "asked", "confirmed", "dropped", "lapsed"])),
                name="compliance_limitchange_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("old__isnull", True), models.Q(("old__gte", 1), ("old__lte", 1000000000)), _connector="OR"
                    ),
                    models.Q(
                        ("new__isnull", True), models.Q(("new__gte", 1), ("new__lte", 1000000000)), _connector="OR"
                    ),
                ),
                name="compliance_limitchange_amounts_in_range",
            ),
        ),
        migrations.AddIndex(
            model_name="marker",
            index=models.Index(fields=["state", "-id"], name="compliance_marker_newest"),
        ),
        migrations.AddIndex(
            model_name="marker",
            index=models.Index(fields=["user", "-id"], name="compliance_marker_of_user"),
        ),
        migrations.AddConstraint(
            model_name="marker",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("kind", "user", "subject"),
                name="compliance_marker_open_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="marker",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ["rapid_play", "improbable_luck", "rtp_drift", "limit_raised", "long_day", "stake_after_check"],
                    )
                ),
                name="compliance_marker_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="marker",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_at__gte", models.F("first_at"))), name="compliance_marker_times_rise"
            ),
        ),
        migrations.AddConstraint(
            model_name="marker",
            constraint=models.CheckConstraint(
                condition=models.Q(("count__gte", 1)), name="compliance_marker_counts_from_1"
            ),
        ),
        migrations.AddConstraint(
            model_name="marker",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("closed_at__isnull", True), ("closed_by__isnull", True), ("reason", ""), ("state", "open")
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("state", "closed"),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="compliance_marker_closed_by_somebody",
            ),
        ),
        migrations.AddIndex(
            model_name="policyversion",
            index=models.Index(fields=["region", "-number"], name="compliance_policy_in_force"),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="compliance_policy_from_number_1"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("region", ""), _negated=True), name="compliance_policy_names_a_region"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="compliance_policy_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("minimum_age__gte", 18), ("minimum_age__lte", 99)),
                name="compliance_policy_minimum_age",
            ),
        ),
        migrations.AddConstraint(
            model_name="spendingwindow",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__in", ("TOKEN", "POINT"))),
                name="compliance_spendingwindow_currency_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="terms",
            constraint=models.CheckConstraint(
                condition=models.Q(("version__gte", 1)), name="compliance_terms_from_version_1"
            ),
        ),
        migrations.AddConstraint(
            model_name="termsacceptance",
            constraint=models.UniqueConstraint(fields=("user", "version"), name="compliance_termsacceptance_once"),
        ),
        sql_file("compliance/sql/0003_tables.sql"),
    ]
