from django.db import migrations

from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0005_queue_revision")]
    operations = [sql_file("perfqueue/sql/0006_revision.sql")]
