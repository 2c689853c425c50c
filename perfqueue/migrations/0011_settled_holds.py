from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0010_joined"), ("escrow", "0009_instants")]
    operations = [sql_file("perfqueue/sql/0011_settled_holds.sql")]
