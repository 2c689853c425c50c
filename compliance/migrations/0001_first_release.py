import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Refusal",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("feature", models.CharField(max_length=40)),
                ("gate", models.CharField(max_length=40)),
                ("code", models.CharField(max_length=60)),
                ("policy_version", models.CharField(max_length=40)),
                ("request_id", models.CharField(db_default="", max_length=64)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
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
                "indexes": [models.Index(fields=["user", "-id"], name="compliance_refusal_of_user")],
            },
        ),
    ]
