from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0010_clearing")]
    operations = [sql_file("escrow/sql/0011_branches.sql")]
