from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0001_ledger"), ("core", "0003_timeouts")]
    operations = [sql_file("escrow/sql/0002_guards.sql")]
