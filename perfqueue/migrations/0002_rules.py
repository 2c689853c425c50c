from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0001_first_release"), ("escrow", "0002_rules")]
    operations = [sql_file("perfqueue/sql/0002_rules.sql")]
