from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_first_release")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="must_change_password",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="user",
            name="sign_in_epoch",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
