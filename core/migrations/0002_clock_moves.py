from django.db import migrations, models

import core.clock
from core.migrating import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_first_release"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClockMove",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=core.clock.RealNow())),
                ("from_offset", models.DurationField()),
                ("to_offset", models.DurationField()),
                ("actor", models.CharField(max_length=150)),
            ],
            options={
                "db_table": "core_clock_move",
            },
        ),
        sql_file("core/sql/0002_clock_moves.sql"),
    ]
