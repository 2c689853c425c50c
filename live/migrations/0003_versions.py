from django.db import migrations, models

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("live", "0002_order")]
    operations = [
        migrations.AddField("messagetemplate", "author", models.UUIDField(null=True)),
        migrations.AddConstraint(
            "messagetemplate",
            models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="live_template_says_something"
            ),
        ),
        sql_file("live/sql/0003_versions.sql"),
    ]
