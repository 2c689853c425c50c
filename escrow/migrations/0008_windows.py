from django.conf import settings
from django.db import migrations, models

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0007_writers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(
                condition=models.Q(("feature", "slots"), _negated=True),
                fields=["payer", "currency", "created_at"],
                include=("amount", "released"),
                name="escrow_hold_spent",
            ),
        ),
        sql_file("escrow/sql/0008_windows.sql"),
    ]
