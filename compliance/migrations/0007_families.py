from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("compliance", "0006_markers"), ("accounts", "0007_families")]
    operations = [sql_file("compliance/sql/0007_families.sql")]
