from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0008_house_snapshots")]
    operations = [sql_file("escrow/sql/0009_traced_closes.sql")]
