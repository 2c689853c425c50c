from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0005_batches")]
    operations = [sql_file("escrow/sql/0006_trails.sql")]
