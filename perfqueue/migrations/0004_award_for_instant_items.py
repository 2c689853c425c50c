from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0003_functions"),
        ("perfqueue", "0003_store"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("award__lte", 0), ("fulfilment", "instant"), _connector="OR"),
                name="perfqueue_award_for_instant_items",
            ),
        ),
    ]
