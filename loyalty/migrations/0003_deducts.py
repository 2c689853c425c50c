from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0002_linking")]
    operations = [sql_file("loyalty/sql/0003_deducts.sql")]
