from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_people")]

    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("subject", models.BinaryField(max_length=32)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
            ],
            options={
                "indexes": [
                    models.Index(fields=["subject", "at"], name="accounts_attempt_of_subject"),
                    models.Index(fields=["at"], name="accounts_attempt_age"),
                ],
            },
        ),
    ]
