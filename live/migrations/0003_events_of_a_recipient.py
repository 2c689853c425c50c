from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("live", "0002_rules")]
    operations = [sql_file("live/sql/0003_events_of_a_recipient.sql")]
