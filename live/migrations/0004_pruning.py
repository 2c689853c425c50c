from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("live", "0003_events_of_a_recipient")]
    operations = [sql_file("live/sql/0004_pruning.sql")]
