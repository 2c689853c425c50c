from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("menus", "0003_menu_revision")]
    operations = [sql_file("menus/sql/0004_revision.sql")]
