from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0007_commands")]
    operations = [sql_file("perfqueue/sql/0008_instants.sql")]
