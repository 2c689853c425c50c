from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0006_trails")]
    operations = [sql_file("escrow/sql/0007_writers.sql")]
