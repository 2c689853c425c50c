from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0004_window"), ("escrow", "0005_batches")]
    operations = [sql_file("slots/sql/0005_batches.sql")]
