from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0002_rules")]
    operations = [sql_file("slots/sql/0003_active_performers.sql")]
