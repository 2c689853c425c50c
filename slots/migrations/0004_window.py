from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slots", "0003_active_performers")]
    operations = [
        migrations.AddField("slotstate", "window_nonce", models.BigIntegerField(null=True)),
        migrations.AddField("slotstate", "window_at", models.DateTimeField(null=True)),
    ]
