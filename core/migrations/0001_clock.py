from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        sql_file(
            "core/sql/0001_clock.sql",
            reverse="DROP FUNCTION core_append_only(); DROP FUNCTION core_now()",
        )
    ]
