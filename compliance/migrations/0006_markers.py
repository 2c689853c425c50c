from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_spending")]
    operations = [sql_file("compliance/sql/0006_markers.sql")]
