import django.db.models.deletion
from django.db import migrations, models

import core.ids

STATES = [("making", "Making"), ("ready", "Ready"), ("failed", "Failed"), ("gone", "Gone")]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_erasure")]

    operations = [
        migrations.RemoveConstraint(model_name="export", name="accounts_export_states_are_whole"),
        migrations.RemoveField(model_name="export", name="file"),
        migrations.AddField(model_name="export", name="attempts", field=models.PositiveSmallIntegerField(db_default=0)),
        migrations.AddField(model_name="export", name="taken_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="export", name="sections_done", field=models.PositiveSmallIntegerField(db_default=0)
        ),
        migrations.AddField(model_name="export", name="sections", field=models.PositiveSmallIntegerField(db_default=0)),
        migrations.AlterField(model_name="export", name="size_bytes", field=models.BigIntegerField(db_default=0)),
        migrations.AlterField(
            model_name="export",
            name="state",
            field=models.CharField(choices=STATES, default="making", max_length=6),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(condition=models.Q(("state", "making")), fields=["id"], name="accounts_export_waiting"),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ready_at__isnull", False),
                        ("state", "ready"),
                        ("until__isnull", False),
                        ("size_bytes__gt", 0),
                    ),
                    models.Q(("ready_at__isnull", True), ("state__in", ["making", "failed"])),
                    ("state", "gone"),
                    _connector="OR",
                ),
                name="accounts_export_states_are_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "ready")), fields=("user",), name="accounts_export_one_file"
            ),
        ),
        migrations.CreateModel(
            name="ExportPart",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                (
                    "export",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="accounts.export",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("export", "number"), name="accounts_exportpart_once")],
            },
        ),
    ]
