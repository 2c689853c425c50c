from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0009_spending")]
    operations = [sql_file("slots/sql/0010_origins.sql")]
