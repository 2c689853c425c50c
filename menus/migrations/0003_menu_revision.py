from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("menus", "0002_rules")]
    operations = [
        migrations.AddField(
            model_name="menu",
            name="revision",
            field=models.BigIntegerField(default=0, db_default=0, editable=False),
        )
    ]
