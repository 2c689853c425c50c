import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("core", "0003_timeouts"),
    ]

    operations = [
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
            options={"verbose_name_plural": "entries"},
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
                condition=models.Q(("amount__gte", 1), ("amount__lte", 1000000000)), name="escrow_hold_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("captured__gte", 0), ("released__gte", 0)), name="escrow_hold_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("payee__isnull", False), ("payee_house__isnull", True)),
                    models.Q(
                        ("payee__isnull", True),
                        (
                            "payee_house__in",
                            ["revenue", "slots_bank", "sales", "mint", "payouts", "loyalty_clearing", "losses"],
                        ),
                        ("payee_house__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="escrow_hold_one_payee",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("payee", models.F("payer")), _negated=True), name="escrow_hold_not_to_oneself"
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("captured", 0), ("closed_at__isnull", True), ("released", 0), ("status", "HELD")),
                    models.Q(
                        ("captured", models.F("amount")),
                        ("closed_at__isnull", False),
                        ("released", 0),
                        ("status", "SETTLED"),
                    ),
                    models.Q(
                        ("captured", 0),
                        ("closed_at__isnull", False),
                        ("released", models.F("amount")),
                        ("status__in", ("REFUNDED", "EXPIRED")),
                    ),
                    models.Q(
                        (
                            "amount",
                            django.db.models.expressions.CombinedExpression(
                                models.F("captured"), "+", models.F("released")
                            ),
                        ),
                        ("captured__gt", 0),
                        ("closed_at__isnull", False),
                        ("released__gt", 0),
                        ("status", "SPLIT"),
                    ),
                    _connector="OR",
                ),
                name="escrow_hold_closed_in_full",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__in", ["TOKEN", "POINT"])), name="escrow_hold_currency_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.UniqueConstraint(fields=("scope", "key"), name="escrow_operation_once"),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["deposit", "hold", "settle", "split", "refund", "expire", "award"])),
                name="escrow_operation_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.UniqueConstraint(
                fields=("owner", "currency"), name="escrow_wallet_one_per_owner_and_currency"
            ),
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("available__gte", 0), ("earned__gte", 0), ("held__gte", 0), ("owed__gte", 0), ("version__gte", 0)
                ),
                name="escrow_wallet_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__in", ["TOKEN", "POINT"])), name="escrow_wallet_currency_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["active", "frozen"])), name="escrow_wallet_status_known"
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
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("available_after__isnull", False),
                        ("earned_after__isnull", False),
                        ("held_after__isnull", False),
                        ("house__isnull", True),
                        ("owed_after__isnull", False),
                        ("version__isnull", False),
                        ("wallet__isnull", False),
                    ),
                    models.Q(
                        ("available_after__isnull", True),
                        ("d_earned", 0),
                        ("d_held", 0),
                        ("d_owed", 0),
                        ("earned_after__isnull", True),
                        ("held_after__isnull", True),
                        (
                            "house__in",
                            ["revenue", "slots_bank", "sales", "mint", "payouts", "loyalty_clearing", "losses"],
                        ),
                        ("house__isnull", False),
                        ("owed_after__isnull", True),
                        ("version__isnull", True),
                        ("wallet__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="escrow_entry_wallet_or_house",
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__in", ["TOKEN", "POINT"])), name="escrow_entry_currency_known"
            ),
        ),
    ]
