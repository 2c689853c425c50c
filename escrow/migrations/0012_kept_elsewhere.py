from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("escrow", "0011_branches")]
    operations = [sql_file("escrow/sql/0012_kept_elsewhere.sql")]
