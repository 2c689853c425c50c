from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0004_payouts_requested")]
    operations = [sql_file("escrow/sql/0005_batches.sql")]
