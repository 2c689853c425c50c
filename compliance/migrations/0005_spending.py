from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_load"), ("escrow", "0008_windows")]
    operations = [migrations.DeleteModel("SpendingWindow"), sql_file("compliance/sql/0005_spending.sql")]
