import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_standing"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("making", "Making"), ("ready", "Ready"), ("gone", "Gone")],
                        default="making",
                        max_length=6,
                    ),
                ),
                ("size_bytes", models.BigIntegerField(null=True)),
                ("file", models.TextField(db_default="")),
                ("asked_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("ready_at", models.DateTimeField(null=True)),
                ("until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="UsedCode",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("step", models.BigIntegerField()),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
        ),
        migrations.AddField(
            model_name="user",
            name="date_of_birth",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="email_confirmed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="erased_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="password_changed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("erased_at__isnull", True), models.Q(("email", ""), _negated=True)),
                name="accounts_user_email_once",
                violation_error_message="A user with that e-mail address already exists.",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("erased_at__isnull", True),
                    models.Q(("date_of_birth__isnull", True), ("email", "")),
                    _connector="OR",
                ),
                name="accounts_user_erased_is_empty",
            ),
        ),
        migrations.AddField(
            model_name="export",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="usedcode",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(fields=["user", "-id"], name="accounts_export_of_user"),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(condition=models.Q(("state", "ready")), fields=["until"], name="accounts_export_ends"),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("size_bytes__gte", 0),
                        ("size_bytes__isnull", False),
                        ("state", "ready"),
                        ("ready_at__isnull", False),
                        ("until__isnull", False),
                        models.Q(("file", ""), _negated=True),
                    ),
                    models.Q(("file", ""), ("ready_at__isnull", True), ("state", "making")),
                    models.Q(("file", ""), ("state", "gone")),
                    _connector="OR",
                ),
                name="accounts_export_states_are_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "making")), fields=("user",), name="accounts_export_one_at_a_time"
            ),
        ),
        migrations.AddIndex(
            model_name="usedcode",
            index=models.Index(fields=["at"], name="accounts_usedcode_age"),
        ),
        migrations.AddConstraint(
            model_name="usedcode",
            constraint=models.UniqueConstraint(fields=("user", "step"), name="accounts_usedcode_once"),
        ),
    ]
