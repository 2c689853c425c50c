from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_refusals"), ("core", "0001_clock")]
    operations = [sql_file("compliance/sql/0002_append_only.sql")]
