from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0001_first_release")]
    operations = [sql_file("escrow/sql/0002_rules.sql")]
