from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0008_windows"), ("compliance", "0004_load"), ("escrow", "0008_windows")]
    operations = [sql_file("slots/sql/0009_spending.sql")]
