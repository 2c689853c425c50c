from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("live", "0001_first_release")]
    operations = [sql_file("live/sql/0002_rules.sql")]
