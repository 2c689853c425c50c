import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_attempts")]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("actor", models.UUIDField()),
                ("reason", models.TextField(db_default="")),
                ("asked_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
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
                        condition=models.Q(("cancelled_at__isnull", True), ("done_at__isnull", True)),
                        fields=["id"],
                        name="accounts_erasure_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cancelled_at__isnull", True)),
                        fields=("user",),
                        name="accounts_erasure_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cancelled_at__isnull", True), ("closed_at__isnull", True), _connector="OR"
                        ),
                        name="accounts_erasure_is_final_once_closed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("done_at__isnull", True), ("closed_at__isnull", False), _connector="OR"),
                        name="accounts_erasure_closes_first",
                    ),
                ],
            },
        ),
    ]
