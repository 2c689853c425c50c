from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("live", "0001_outbox"), ("core", "0001_clock")]
    operations = [sql_file("live/sql/0002_order.sql")]
