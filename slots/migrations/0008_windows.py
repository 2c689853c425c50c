from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0007_tables")]
    operations = [sql_file("slots/sql/0008_windows.sql")]
