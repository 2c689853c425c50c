from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("live", "0003_versions")]
    operations = [
        sql_file("live/sql/0004_of_room.sql"),
        migrations.AlterModelOptions("eventrow", {"verbose_name": "event"}),
    ]
