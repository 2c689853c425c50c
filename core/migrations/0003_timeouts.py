from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0002_rows")]
    operations = [sql_file("core/sql/0003_timeouts.sql")]
