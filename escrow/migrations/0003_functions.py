from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0002_guards")]
    operations = [sql_file("escrow/sql/0003_functions.sql")]
