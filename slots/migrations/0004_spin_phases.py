from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0003_spins")]
    operations = [sql_file("slots/sql/0004_spin_phases.sql")]
