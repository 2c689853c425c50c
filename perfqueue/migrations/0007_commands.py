from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0006_revision")]
    operations = [sql_file("perfqueue/sql/0007_commands.sql")]
