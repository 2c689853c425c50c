from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0002_guards")]
    operations = [sql_file("perfqueue/sql/0003_store.sql")]
