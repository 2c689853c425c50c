from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("slots", "0010_origins")]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("paytable_id", models.UUIDField(primary_key=True, serialize=False)),
                ("counted_from", models.UUIDField(null=True)),
                ("spins", models.BigIntegerField(default=0)),
                ("staked", models.BigIntegerField(default=0)),
                ("paid", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("paid__gte", 0), ("spins__gte", 0), ("staked__gte", 0)),
                        name="slots_tally_counts_up",
                    )
                ],
            },
        ),
    ]
