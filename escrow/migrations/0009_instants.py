from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0008_windows")]
    operations = [sql_file("escrow/sql/0009_instants.sql")]
