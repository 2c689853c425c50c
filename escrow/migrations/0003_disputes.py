import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0002_rules"),
    ]

    operations = [
        migrations.AlterField(
            model_name="paymentevent",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("credited", "Credited"),
                    ("charged_back", "Charged Back"),
                    ("chargeback_reversed", "Chargeback Reversed"),
                    ("reversed_before", "Reversed Before"),
                    ("unchanged", "Unchanged"),
                    ("ignored", "Ignored"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=128, null=True)),
                ("state", models.CharField(choices=[("lost", "Lost"), ("won", "Won")], max_length=4)),
                ("opened_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("won_at", models.DateTimeField(null=True)),
                (
                    "order",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.order"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "lost"), ("won_at__isnull", True)),
                            models.Q(("state", "won"), ("won_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="escrow_dispute_complete",
                    ),
                    models.UniqueConstraint(fields=("reference",), name="escrow_dispute_of_one_order"),
                    models.UniqueConstraint(
                        condition=models.Q(("reference__isnull", True), ("state", "lost")),
                        fields=("order",),
                        name="escrow_dispute_one_without_an_id",
                    ),
                ],
            },
        ),
        sql_file("escrow/sql/0003_disputes.sql"),
    ]
