from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("perfqueue", "0002_rules")]

    operations = [
        migrations.RemoveConstraint(model_name="run", name="perfqueue_run_deed_known"),
        migrations.RemoveConstraint(model_name="run", name="perfqueue_run_split_names_a_part"),
        migrations.RenameField(model_name="run", old_name="deed", new_name="action"),
        migrations.RenameField(model_name="run", old_name="asked", new_name="filters"),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("action__in", ["refund", "resolve", "split"])), name="perfqueue_run_action_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("action", "split"), ("settle__gte", 1), ("settle__isnull", False)),
                    models.Q(models.Q(("action", "split"), _negated=True), ("settle__isnull", True)),
                    _connector="OR",
                ),
                name="perfqueue_run_split_names_a_part",
            ),
        ),
        migrations.RemoveConstraint(
            model_name="queueitem",
            name="perfqueue_one_on_stage",
        ),
        migrations.RemoveConstraint(
            model_name="queueitem",
            name="perfqueue_performed_has_place",
        ),
        migrations.RemoveConstraint(
            model_name="queueitem",
            name="perfqueue_rope_drop_only_in_line",
        ),
        migrations.RemoveConstraint(
            model_name="queueitem",
            name="perfqueue_stage_has_deadline",
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("fulfilment", "performed"), ("state", "started")),
                fields=("performer",),
                name="perfqueue_one_started",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("currency", "TOKEN"),
                        ("fulfilment", "performed"),
                        ("performer__isnull", False),
                        ("turn__isnull", False),
                    ),
                    models.Q(("fulfilment", "instant"), ("turn__isnull", True)),
                    _connector="OR",
                ),
                name="perfqueue_performed_has_turn",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("rope_drop_at__isnull", True), ("rope_drop_left_ms__isnull", True)),
                    ("state", "created"),
                    _connector="OR",
                ),
                name="perfqueue_rope_drop_only_created",
            ),
        ),
        migrations.AddConstraint(
            model_name="queueitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("fulfilment", "performed"), ("state", "started"), _negated=True),
                    models.Q(("deadline_at__isnull", False), ("started_at__isnull", False)),
                    _connector="OR",
                ),
                name="perfqueue_started_has_deadline",
            ),
        ),
    ]
