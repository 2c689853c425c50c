import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("slots", "0011_tally"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SpinIntent",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=128)),
                ("fingerprint", models.BinaryField(max_length=32)),
                ("bet", models.BigIntegerField()),
                ("performer_id", models.UUIDField(null=True)),
                ("client_nonce", models.BinaryField(max_length=16)),
                ("client_nonce_drawn", models.BooleanField()),
                ("client_seed", models.CharField(max_length=64, null=True)),
                ("commitment", models.BinaryField(max_length=32)),
                ("nonce", models.BigIntegerField()),
                ("request_id", models.CharField(db_default="", max_length=128)),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("compensated", "Compensated"),
                        ],
                        default="open",
                        max_length=11,
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "paytable",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="slots.paytable",
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
                "indexes": [models.Index(fields=["user", "-id"], name="slots_intent_of_user")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")), fields=("user",), name="slots_intent_one_open_of_user"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "done", "refused", "compensated"])),
                        name="slots_intent_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("state", "open")),
                            models.Q(models.Q(("state", "open"), _negated=True), ("closed_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="slots_intent_closed_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bet__gte", 1), ("nonce__gte", 0)), name="slots_intent_counts_up"
                    ),
                ],
            },
        ),
        sql_file("slots/sql/0012_intents.sql"),
    ]
