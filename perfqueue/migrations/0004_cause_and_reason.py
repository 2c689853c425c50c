from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0003_names")]

    operations = [
        migrations.RenameField(model_name="strike", old_name="reason", new_name="cause"),
        migrations.AddField(
            model_name="queueitem",
            name="cause",
            field=models.CharField(
                blank=True,
                choices=[
                    ("LEFT", "Left"),
                    ("STREAM_ENDED", "Stream Ended"),
                    ("ROPE_DROP_EXPIRED", "Rope Drop"),
                    ("MAX_WAIT_PASSED", "Max Wait"),
                    ("DEADLINE_PASSED", "Deadline"),
                    ("RESOLVE_BY_PASSED", "Resolve By"),
                    ("DISCONNECTED", "Disconnected"),
                    ("BUYER_BLOCKED", "Blocked"),
                    ("ITEM_WITHDRAWN", "Withdrawn"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="transition",
            name="cause",
            field=models.CharField(
                blank=True,
                choices=[
                    ("LEFT", "Left"),
                    ("STREAM_ENDED", "Stream Ended"),
                    ("ROPE_DROP_EXPIRED", "Rope Drop"),
                    ("MAX_WAIT_PASSED", "Max Wait"),
                    ("DEADLINE_PASSED", "Deadline"),
                    ("RESOLVE_BY_PASSED", "Resolve By"),
                    ("DISCONNECTED", "Disconnected"),
                    ("BUYER_BLOCKED", "Blocked"),
                    ("ITEM_WITHDRAWN", "Withdrawn"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="strike",
            name="cause",
            field=models.CharField(
                choices=[
                    ("LEFT", "Left"),
                    ("STREAM_ENDED", "Stream Ended"),
                    ("ROPE_DROP_EXPIRED", "Rope Drop"),
                    ("MAX_WAIT_PASSED", "Max Wait"),
                    ("DEADLINE_PASSED", "Deadline"),
                    ("RESOLVE_BY_PASSED", "Resolve By"),
                    ("DISCONNECTED", "Disconnected"),
                    ("BUYER_BLOCKED", "Blocked"),
                    ("ITEM_WITHDRAWN", "Withdrawn"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause", ""),
                    (
                        "cause__in",
                        [
                            "LEFT",
                            "STREAM_ENDED",
                            "ROPE_DROP_EXPIRED",
                            "MAX_WAIT_PASSED",
                            "DEADLINE_PASSED",
                            "RESOLVE_BY_PASSED",
                            "DISCONNECTED",
                            "BUYER_BLOCKED",
                            "ITEM_WITHDRAWN",
                        ],
                    ),
                    _connector="OR",
                ),
                name="perfqueue_cause_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="strike",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause", ""),
                    (
                        "cause__in",
                        [
                            "LEFT",
                            "STREAM_ENDED",
                            "ROPE_DROP_EXPIRED",
                            "MAX_WAIT_PASSED",
                            "DEADLINE_PASSED",
                            "RESOLVE_BY_PASSED",
                            "DISCONNECTED",
                            "BUYER_BLOCKED",
                            "ITEM_WITHDRAWN",
                        ],
                    ),
                    _connector="OR",
                ),
                name="perfqueue_strike_cause_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="transition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cause", ""),
                    (
                        "cause__in",
                        [
                            "LEFT",
                            "STREAM_ENDED",
                            "ROPE_DROP_EXPIRED",
                            "MAX_WAIT_PASSED",
                            "DEADLINE_PASSED",
                            "RESOLVE_BY_PASSED",
                            "DISCONNECTED",
                            "BUYER_BLOCKED",
                            "ITEM_WITHDRAWN",
                        ],
                    ),
                    _connector="OR",
                ),
                name="perfqueue_transition_cause_known",
            ),
        ),
    ]
