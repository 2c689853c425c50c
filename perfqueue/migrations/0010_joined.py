from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0009_hold_guard")]
    operations = [sql_file("perfqueue/sql/0010_joined.sql")]
