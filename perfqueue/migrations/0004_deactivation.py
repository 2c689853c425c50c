from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0003_closed_at"), ("accounts", "0002_standing")]
    operations = [sql_file("perfqueue/sql/0004_deactivation.sql")]
