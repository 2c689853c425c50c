from django.db import migrations, models

from core.migrating import sql_file

KINDS = [
    ("deposit", "Deposit"),
    ("hold", "Hold"),
    ("settle", "Settle"),
    ("split", "Split"),
    ("refund", "Refund"),
    ("expire", "Expire"),
    ("award", "Award"),
    ("withdraw", "Withdraw"),
    ("reverse", "Reverse"),
    ("chargeback", "Chargeback"),
    ("write_off", "Write Off"),
    ("payout", "Payout"),
    ("payout_reject", "Payout Reject"),
    ("repair", "Repair"),
]


class Migration(migrations.Migration):
    dependencies = [("escrow", "0009_instants")]
    operations = [
        sql_file("escrow/sql/0010_clearing.sql"),
        migrations.AlterField(
            model_name="operation", name="kind", field=models.CharField(choices=KINDS, max_length=20)
        ),
    ]
