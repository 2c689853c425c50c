import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BreakerChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                ("process", models.CharField(max_length=100)),
                ("state", models.CharField(max_length=10)),
            ],
        ),
        migrations.AddField(
            model_name="linkintent",
            name="tries",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="note",
            field=models.CharField(db_default="", default="", max_length=40),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="loyalty_webhook_due"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("note", ""), _negated=True), fields=["received_at"], name="loyalty_webhook_noted"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(fields=["user", "-id"], name="loyalty_webhook_of_user"),
        ),
        migrations.AddIndex(
            model_name="breakerchange",
            index=models.Index(fields=["process", "-id"], name="loyalty_breaker_of_process"),
        ),
        sql_file("loyalty/sql/0002_linking.sql"),
    ]
