from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        sql_file("core/sql/0001_first_release.sql"),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("caller", models.UUIDField()),
                ("operation", models.CharField(max_length=64)),
                ("key", models.CharField(max_length=128)),
                ("fingerprint", models.BinaryField(max_length=32)),
                ("status", models.SmallIntegerField(null=True)),
                ("body", models.BinaryField(null=True)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="core_key_age")],
                "constraints": [models.UniqueConstraint(fields=("caller", "operation", "key"), name="core_key_once")],
            },
        ),
    ]
