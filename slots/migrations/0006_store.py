from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0005_batches")]
    operations = [sql_file("slots/sql/0006_store.sql")]
