from django.db import migrations, models

import core.clock
import core.ids
from core.migrating import sql_file


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_first_release"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=80)),
                ("variables", models.JSONField()),
                ("room", models.UUIDField(null=True)),
                ("recipient", models.UUIDField(null=True)),
                ("request_id", models.CharField(db_default="", max_length=64)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
            options={
                "verbose_name": "event",
                "db_table": "live_event",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("key__regex", "^[a-z][a-z0-9_.]*$")),
                        name="live_event_key_is_a_template_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageTemplate",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=80)),
                ("version", models.PositiveIntegerField(default=1)),
                ("text", models.CharField(max_length=400)),
                ("author", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "version"), name="live_template_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="live_template_says_something"
                    ),
                ],
            },
        ),
        sql_file("live/sql/0001_first_release.sql"),
    ]
