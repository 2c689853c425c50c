from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0004_full_strength")]
    operations = [sql_file("escrow/sql/0005_movements.sql")]
