from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("slots", "0002_paytables")]
    operations = [sql_file("slots/sql/0003_spins.sql")]
