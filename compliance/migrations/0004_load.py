from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("compliance", "0003_tables"), ("accounts", "0003_people")]
    operations = [sql_file("compliance/sql/0004_load.sql")]
