"""Menus, their items as an ordered tree, and purchases."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Deferrable, Q

from core.clock import CoreNow
from core.fields import MAX_AMOUNT
from core.ids import new_id
from core.text import TitleField

MAX_DURATION_S = 4 * 3600
MAX_COOLDOWN_S = 7 * 24 * 3600


class MenuType(models.TextChoices):
    NAVIGATION = "navigation"
    PURCHASABLE = "purchasable"
    PERFORMANCE = "performance"


def only_for(menu_type: MenuType, *columns: str) -> Q:
    """Return the condition that these columns are empty unless the item is of this type."""
    return Q(type=menu_type) | Q(**{f"{column}__isnull": True for column in columns})


class Menu(models.Model):
    """A titled tree of items. ``owner`` is the performer whose menu it is; empty, it is the platform's.

    ``type`` is fixed once the menu has items: the foreign key of its items carries it.
    ``revision``: the database counts it up in each transaction that changes the row or an item of the menu.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"role": "performer"},
        help_text="The performer whose menu it is. Empty: the platform's.",
    )
    type = models.CharField(max_length=12, choices=MenuType.choices, default=MenuType.PERFORMANCE)
    title = TitleField(max_length=80)
    section = TitleField(max_length=40, blank=True, default="")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=CoreNow())
    revision = models.BigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(type__in=MenuType.values), name="menus_menu_type_known"),
            models.CheckConstraint(condition=~Q(title=""), name="menus_menu_has_title"),
            models.CheckConstraint(
                condition=~Q(type=MenuType.PERFORMANCE) | Q(owner__isnull=False),
                name="menus_performance_menu_has_performer",
            ),
            models.UniqueConstraint(fields=["id", "type"], name="menus_menu_id_type"),
        ]

    def __str__(self) -> str:
        return self.title


class MenuItem(models.Model):
    """An entry of a menu. Without a price it is a heading, or (later) a free amount.

    Columns by type: ``path`` navigation; ``stock``, ``per_user_cap`` purchasable; ``duration_s``, ``cooldown_s``,
    ``max_per_stream`` performance. ``type`` repeats the menu's, so that the database can check this.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    menu = models.ForeignKey(Menu, on_delete=models.CASCADE, related_name="items")
    type = models.CharField(max_length=12, choices=MenuType.choices, editable=False)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    position = models.PositiveIntegerField(help_text="Place among its siblings; 1 comes first.")
    title = TitleField(max_length=80)
    section = TitleField(max_length=40, blank=True, default="")
    description = models.CharField(max_length=400, blank=True, default="")
    active = models.BooleanField(default=True)
    price_tokens = models.PositiveIntegerField(
        "price (tokens)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_AMOUNT)],
        help_text="Whole tokens. Empty: a heading that cannot be bought.",
    )
    duration_s = models.PositiveIntegerField(
        "length (seconds)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_DURATION_S)],
        help_text="Length of the performance in seconds. Empty: not said.",
    )
    cooldown_s = models.PositiveIntegerField(null=True, blank=True)
    max_per_stream = models.PositiveIntegerField(null=True, blank=True)
    stock = models.PositiveIntegerField(null=True, blank=True)
    per_user_cap = models.PositiveIntegerField(null=True, blank=True)
    path = models.CharField(max_length=200, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["menu", "parent", "position"],
                name="menus_item_position_once",
                nulls_distinct=False,
                deferrable=Deferrable.DEFERRED,
            ),
            models.UniqueConstraint(fields=["menu", "id"], name="menus_item_menu_id"),
            models.CheckConstraint(condition=Q(type__in=MenuType.values), name="menus_item_type_known"),
            models.CheckConstraint(condition=~Q(title=""), name="menus_item_has_title"),
            models.CheckConstraint(condition=Q(position__gte=1), name="menus_item_position_from_1"),
            models.CheckConstraint(
                condition=Q(price_tokens__isnull=True) | Q(price_tokens__range=(1, MAX_AMOUNT)),
                name="menus_item_price_in_range",
            ),
            models.CheckConstraint(
                condition=Q(duration_s__isnull=True) | Q(duration_s__range=(1, MAX_DURATION_S)),
                name="menus_item_duration_in_range",
            ),
            models.CheckConstraint(
                condition=Q(cooldown_s__isnull=True) | Q(cooldown_s__range=(1, MAX_COOLDOWN_S)),
                name="menus_item_cooldown_in_range",
            ),
            models.CheckConstraint(
                condition=Q(max_per_stream__isnull=True) | Q(max_per_stream__gte=1),
                name="menus_item_max_per_stream_from_1",
            ),
            models.CheckConstraint(
                condition=Q(per_user_cap__isnull=True) | Q(per_user_cap__gte=1), name="menus_item_per_user_cap_from_1"
            ),
            models.CheckConstraint(condition=only_for(MenuType.NAVIGATION, "path"), name="menus_item_path_navigates"),
            models.CheckConstraint(
                condition=~Q(type=MenuType.NAVIGATION) | Q(price_tokens__isnull=True),
                name="menus_item_navigation_is_free",
            ),
            models.CheckConstraint(
                condition=only_for(MenuType.PURCHASABLE, "stock", "per_user_cap"),
                name="menus_item_stock_is_purchasable",
            ),
            models.CheckConstraint(
                condition=only_for(MenuType.PERFORMANCE, "duration_s", "cooldown_s", "max_per_stream"),
                name="menus_item_duration_is_performed",
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=models.F("id")), name="menus_item_not_own_parent"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Purchase(models.Model):
    """A purchase of an item: its price, the performer, the hold and the queue item."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey(MenuItem, on_delete=models.PROTECT, related_name="+")
    performer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    price_tokens = models.PositiveIntegerField("price (tokens)")
    hold = models.OneToOneField("escrow.Hold", on_delete=models.PROTECT, related_name="+")
    queue_item = models.OneToOneField("perfqueue.QueueItem", on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True, default="")
    at = models.DateTimeField(db_default=CoreNow())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(price_tokens__range=(1, MAX_AMOUNT)), name="menus_purchase_price_in_range"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
