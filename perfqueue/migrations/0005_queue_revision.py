from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0004_deactivation")]
    operations = [
        migrations.AddField(
            model_name="performerqueue",
            name="revision",
            field=models.BigIntegerField(default=0, db_default=0, editable=False),
        )
    ]
