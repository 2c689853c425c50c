import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("check_name", models.CharField(max_length=8)),
                ("subject", models.CharField(max_length=64)),
                ("problem", models.TextField()),
                ("first_seen_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("last_seen_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("cleared_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cleared_at__isnull", True)),
                        fields=("check_name", "subject"),
                        name="escrow_finding_open_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "payee_house",
                    models.CharField(
                        choices=[
                            ("revenue", "Revenue"),
                            ("slots_bank", "Slots Bank"),
                            ("sales", "Sales"),
                            ("mint", "Mint"),
                            ("payouts", "Payouts"),
                            ("loyalty_clearing", "Loyalty Clearing"),
                            ("losses", "Losses"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("currency", models.CharField(choices=[("TOKEN", "Token"), ("POINT", "Point")], max_length=5)),
                ("feature", models.CharField(max_length=40)),
                ("source_event_id", models.CharField(db_default="", max_length=128)),
                ("amount", models.BigIntegerField()),
                ("captured", models.BigIntegerField(db_default=0)),
                ("released", models.BigIntegerField(db_default=0)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("HELD", "Held"),
                            ("SETTLED", "Settled"),
                            ("SPLIT", "Split"),
                            ("REFUNDED", "Refunded"),
                            ("EXPIRED", "Expired"),
                        ],
                        db_default="HELD",
                        max_length=8,
                    ),
                ),
                ("expires_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "payee",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "payer",
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
            name="HouseSnapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "house",
                    models.CharField(
                        choices=[
                            ("revenue", "Revenue"),
                            ("slots_bank", "Slots Bank"),
                            ("sales", "Sales"),
                            ("mint", "Mint"),
                            ("payouts", "Payouts"),
                            ("loyalty_clearing", "Loyalty Clearing"),
                            ("losses", "Losses"),
                        ],
                        max_length=20,
                    ),
                ),
                ("currency", models.CharField(choices=[("TOKEN", "Token"), ("POINT", "Point")], max_length=5)),
                ("upto", models.BigIntegerField()),
                ("balance", models.BigIntegerField()),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("house", "currency", "upto"), name="escrow_house_snapshot_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Operation",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("scope", models.CharField(max_length=64)),
                ("key", models.CharField(max_length=128)),
                ("fingerprint", models.BinaryField(max_length=32)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("deposit", "Deposit"),
                            ("hold", "Hold"),
                            ("settle", "Settle"),
                            ("split", "Split"),
                            ("refund", "Refund"),
                            ("expire", "Expire"),
                            ("award", "Award"),
                            ("reverse", "Reverse"),
                            ("chargeback", "Chargeback"),
                            ("write_off", "Write Off"),
                            ("payout", "Payout"),
                            ("payout_reject", "Payout Reject"),
                            ("repair", "Repair"),
                        ],
                        max_length=20,
                    ),
                ),
                ("actor", models.UUIDField(null=True)),
                ("reason", models.TextField(db_default="")),
                ("meta", models.JSONField(db_default={})),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "hold",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.hold"
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="escrow.operation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=128, unique=True)),
                ("tokens", models.BigIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[("paid", "Paid"), ("charged_back", "Charged Back")], default="paid", max_length=12
                    ),
                ),
                ("paid_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("charged_back_at", models.DateTimeField(null=True)),
                (
                    "chargeback",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.operation"
                    ),
                ),
                (
                    "deposit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.operation"
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
            name="PaymentEvent",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("event_id", models.CharField(max_length=128, unique=True)),
                ("type", models.CharField(max_length=64)),
                ("fingerprint", models.BinaryField(max_length=32)),
                ("outcome", models.CharField(max_length=20)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "order",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.order"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("amount", models.BigIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[("requested", "Requested"), ("approved", "Approved"), ("rejected", "Rejected")],
                        db_default="requested",
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.UUIDField(null=True)),
                ("reason", models.TextField(db_default="")),
                (
                    "operation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.operation"
                    ),
                ),
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
                    "rejection",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.operation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("grant", "Grant"),
                            ("correction", "Correction"),
                            ("write_off", "Write Off"),
                            ("payout", "Payout"),
                        ],
                        max_length=10,
                    ),
                ),
                ("currency", models.CharField(choices=[("TOKEN", "Token"), ("POINT", "Point")], max_length=5)),
                ("amount", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("requested_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("approved", "Approved"), ("rejected", "Rejected")],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("decision_reason", models.TextField(blank=True, default="")),
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
                    "requested_by",
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
                (
                    "result",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.operation"
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="escrow.operation",
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="escrow.payout",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TokenPackage",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=80)),
                ("tokens", models.BigIntegerField()),
                ("price_minor", models.PositiveIntegerField()),
                ("price_currency", models.CharField(default="EUR", max_length=3)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
            options={
                "ordering": ["position", "tokens", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("tokens__gte", 1), ("tokens__lte", 1000000000)),
                        name="escrow_package_tokens_in_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("price_currency__regex", "^[A-Z]{3}$")), name="escrow_package_currency"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="order",
            name="package",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.tokenpackage"
            ),
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("is_full", models.BooleanField()),
                ("since", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("operations", models.BigIntegerField()),
                ("findings", models.IntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("is_full", True), ("since__isnull", True)),
                            models.Q(("is_full", False), ("since__isnull", False)),
                            _connector="OR",
                        ),
                        name="escrow_verification_since",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Wallet",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("currency", models.CharField(choices=[("TOKEN", "Token"), ("POINT", "Point")], max_length=5)),
                ("available", models.BigIntegerField(default=0)),
                ("held", models.BigIntegerField(default=0)),
                ("earned", models.BigIntegerField(default=0)),
                ("owed", models.BigIntegerField(default=0)),
                ("version", models.BigIntegerField(default=0)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("frozen", "Frozen")], default="active", max_length=6
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "owner",
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
            name="Freeze",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                ("frozen_by", models.UUIDField(null=True)),
                ("frozen_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("thawed_at", models.DateTimeField(null=True)),
                ("thawed_by", models.UUIDField(null=True)),
                ("thaw_reason", models.TextField(db_default="")),
                (
                    "finding",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.finding"
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.wallet"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("line", models.SmallIntegerField()),
                (
                    "house",
                    models.CharField(
                        choices=[
                            ("revenue", "Revenue"),
                            ("slots_bank", "Slots Bank"),
                            ("sales", "Sales"),
                            ("mint", "Mint"),
                            ("payouts", "Payouts"),
                            ("loyalty_clearing", "Loyalty Clearing"),
                            ("losses", "Losses"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("currency", models.CharField(choices=[("TOKEN", "Token"), ("POINT", "Point")], max_length=5)),
                ("version", models.BigIntegerField(null=True)),
                ("d_available", models.BigIntegerField(db_default=0)),
                ("d_held", models.BigIntegerField(db_default=0)),
                ("d_earned", models.BigIntegerField(db_default=0)),
                ("d_owed", models.BigIntegerField(db_default=0)),
                ("available_after", models.BigIntegerField(null=True)),
                ("held_after", models.BigIntegerField(null=True)),
                ("earned_after", models.BigIntegerField(null=True)),
                ("owed_after", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "operation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="escrow.operation",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="escrow.wallet",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "entries",
            },
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(fields=["payer", "-id"], name="escrow_hold_of_payer"),
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(
                condition=models.Q(("status", "HELD")), fields=["expires_at"], name="escrow_hold_open_expiry"
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("captured"), "+", models.F("released")
                        ),
                    ),
                    ("captured__gte", 0),
                    ("released__gte", 0),
                ),
                name="escrow_hold_no_more_than_its_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.UniqueConstraint(fields=("scope", "key"), name="escrow_operation_once"),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reverses__isnull", False)),
                fields=("reverses",),
                name="escrow_operation_reversed_once",
            ),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(fields=["performer", "-id"], name="escrow_payout_of_performer"),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", 1), ("amount__lte", 1000000000)),
                name="escrow_payout_amount_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("rejection__isnull", True), ("status", "requested")),
                    models.Q(("decided_at__isnull", False), ("rejection__isnull", True), ("status", "approved")),
                    models.Q(("decided_at__isnull", False), ("rejection__isnull", False), ("status", "rejected")),
                    _connector="OR",
                ),
                name="escrow_payout_complete",
            ),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(condition=models.Q(("status", "open")), fields=["-id"], name="escrow_approval_open"),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at__isnull", True),
                        ("decided_by__isnull", True),
                        ("result__isnull", True),
                        ("status", "open"),
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("result__isnull", True),
                        ("status", "rejected"),
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("kind", "payout"),
                        ("status", "approved"),
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("result__isnull", False),
                        ("status", "approved"),
                        models.Q(("kind", "payout"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="escrow_approval_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "approved"), _negated=True),
                    models.Q(("decided_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="escrow_approval_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "correction"), ("payout__isnull", True), ("reverses__isnull", False)),
                    models.Q(("kind", "payout"), ("payout__isnull", False), ("reverses__isnull", True)),
                    models.Q(
                        ("kind__in", ("grant", "write_off")), ("payout__isnull", True), ("reverses__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="escrow_approval_of_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gte", 1)), name="escrow_approval_amount"),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="escrow_approval_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "open")), fields=("payout",), name="escrow_approval_one_open_per_payout"
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "open")),
                fields=("reverses",),
                name="escrow_approval_one_open_per_reversal",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["user", "-id"], name="escrow_order_of_user"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("chargeback__isnull", True), ("charged_back_at__isnull", True), ("status", "paid")),
                    models.Q(
                        ("chargeback__isnull", False), ("charged_back_at__isnull", False), ("status", "charged_back")
                    ),
                    _connector="OR",
                ),
                name="escrow_order_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("chargeback", models.F("deposit")), _negated=True),
                    ("chargeback__isnull", True),
                    _connector="OR",
                ),
                name="escrow_order_two_operations",
            ),
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.UniqueConstraint(
                fields=("owner", "currency"), name="escrow_wallet_one_per_owner_and_currency"
            ),
        ),
        migrations.AddConstraint(
            model_name="freeze",
            constraint=models.UniqueConstraint(
                condition=models.Q(("thawed_at__isnull", True)), fields=("wallet",), name="escrow_freeze_one_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="freeze",
            constraint=models.CheckConstraint(
                condition=models.Q(("finding__isnull", False), ("frozen_by__isnull", False), _connector="OR"),
                name="escrow_freeze_has_a_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="freeze",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("thawed_at__isnull", True), ("thawed_by__isnull", True)),
                    models.Q(("thawed_at__isnull", False), ("thawed_by__isnull", False)),
                    _connector="OR",
                ),
                name="escrow_freeze_thaw_complete",
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("house__isnull", False)),
                fields=["house", "currency", "id"],
                name="escrow_entry_house",
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(fields=("operation", "line"), name="escrow_entry_line_once"),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("wallet__isnull", False)),
                fields=("wallet", "version"),
                name="escrow_entry_version_once",
            ),
        ),
        sql_file("escrow/sql/0001_first_release.sql"),
    ]
