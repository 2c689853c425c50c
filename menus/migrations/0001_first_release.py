import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.clock
import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_first_release"),
        ("escrow", "0001_first_release"),
        ("perfqueue", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Menu",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("navigation", "Navigation"),
                            ("purchasable", "Purchasable"),
                            ("performance", "Performance"),
                        ],
                        default="performance",
                        max_length=12,
                    ),
                ),
                ("title", models.CharField(max_length=80)),
                ("section", models.CharField(blank=True, default="", max_length=40)),
                ("active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        help_text="The performer whose menu it is. Empty: the platform's.",
                        limit_choices_to={"role": "performer"},
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MenuItem",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("navigation", "Navigation"),
                            ("purchasable", "Purchasable"),
                            ("performance", "Performance"),
                        ],
                        editable=False,
                        max_length=12,
                    ),
                ),
                ("position", models.PositiveIntegerField(help_text="Place among its siblings; 1 comes first.")),
                ("title", models.CharField(max_length=80)),
                ("section", models.CharField(blank=True, default="", max_length=40)),
                ("description", models.CharField(blank=True, default="", max_length=400)),
                ("active", models.BooleanField(default=True)),
                (
                    "price_tokens",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Whole tokens. Empty: a heading that cannot be bought.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000000000),
                        ],
                        verbose_name="price (tokens)",
                    ),
                ),
                (
                    "duration_s",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Length of the performance in seconds. Empty: not said.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(14400),
                        ],
                        verbose_name="length (seconds)",
                    ),
                ),
                ("cooldown_s", models.PositiveIntegerField(blank=True, null=True)),
                ("max_per_stream", models.PositiveIntegerField(blank=True, null=True)),
                ("stock", models.PositiveIntegerField(blank=True, null=True)),
                ("per_user_cap", models.PositiveIntegerField(blank=True, null=True)),
                ("path", models.CharField(blank=True, max_length=200, null=True)),
                (
                    "menu",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="items", to="menus.menu"
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="children",
                        to="menus.menuitem",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Purchase",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("price_tokens", models.PositiveIntegerField(verbose_name="price (tokens)")),
                ("note", models.CharField(blank=True, default="", max_length=200)),
                ("at", models.DateTimeField(db_default=core.clock.CoreNow())),
                (
                    "buyer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "hold",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="escrow.hold"
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="menus.menuitem"
                    ),
                ),
                (
                    "performer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "queue_item",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="perfqueue.queueitem",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="menu",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ["navigation", "purchasable", "performance"])),
                name="menus_menu_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="menu",
            constraint=models.CheckConstraint(
                condition=models.Q(("title", ""), _negated=True), name="menus_menu_has_title"
            ),
        ),
        migrations.AddConstraint(
            model_name="menu",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("type", "performance"), _negated=True), ("owner__isnull", False), _connector="OR"
                ),
                name="menus_performance_menu_has_performer",
            ),
        ),
        migrations.AddConstraint(
            model_name="menu",
            constraint=models.UniqueConstraint(fields=("id", "type"), name="menus_menu_id_type"),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.UniqueConstraint(
                deferrable=django.db.models.constraints.Deferrable["DEFERRED"],
                fields=("menu", "parent", "position"),
                name="menus_item_position_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.UniqueConstraint(fields=("menu", "id"), name="menus_item_menu_id"),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ["navigation", "purchasable", "performance"])),
                name="menus_item_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("title", ""), _negated=True), name="menus_item_has_title"
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("position__gte", 1)), name="menus_item_position_from_1"
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("price_tokens__isnull", True), ("price_tokens__range", (1, 1000000000)), _connector="OR"
                ),
                name="menus_item_price_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("duration_s__isnull", True), ("duration_s__range", (1, 14400)), _connector="OR"),
                name="menus_item_duration_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("cooldown_s__isnull", True), ("cooldown_s__range", (1, 604800)), _connector="OR"),
                name="menus_item_cooldown_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_per_stream__isnull", True), ("max_per_stream__gte", 1), _connector="OR"),
                name="menus_item_max_per_stream_from_1",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_user_cap__isnull", True), ("per_user_cap__gte", 1), _connector="OR"),
                name="menus_item_per_user_cap_from_1",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("type", "navigation"), ("path__isnull", True), _connector="OR"),
                name="menus_item_path_navigates",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("type", "navigation"), _negated=True), ("price_tokens__isnull", True), _connector="OR"
                ),
                name="menus_item_navigation_is_free",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("type", "purchasable"),
                    models.Q(("per_user_cap__isnull", True), ("stock__isnull", True)),
                    _connector="OR",
                ),
                name="menus_item_stock_is_purchasable",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("type", "performance"),
                    models.Q(
                        ("cooldown_s__isnull", True), ("duration_s__isnull", True), ("max_per_stream__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="menus_item_duration_is_performed",
            ),
        ),
        migrations.AddConstraint(
            model_name="menuitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("parent__isnull", True), models.Q(("parent", models.F("id")), _negated=True), _connector="OR"
                ),
                name="menus_item_not_own_parent",
            ),
        ),
        migrations.AddConstraint(
            model_name="purchase",
            constraint=models.CheckConstraint(
                condition=models.Q(("price_tokens__range", (1, 1000000000))), name="menus_purchase_price_in_range"
            ),
        ),
    ]
