"""Menus in the back office: staff see all, ``admin`` edits all, a performer sees and edits her own."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, F, QuerySet
from django.http import HttpRequest

from accounts.backoffice import BACK_OFFICE_ROLES, RoleAdmin, RoleInline, is_performer, person_filter, signed_in
from core.db import command
from core.errors import NotFound
from menus import services
from menus.forms import ItemForm, MenuForm
from menus.models import Menu, MenuItem, Purchase
from menus.services.tree import MAX_ITEMS


class ItemInline(RoleInline):
    """The items on their menu's page. An item's parent is changed on its own page."""

    model = MenuItem
    form = ItemForm
    fields = ("place", "under", "title", "section", "price_tokens", "duration_s", "active")
    readonly_fields = ("under",)
    ordering = (F("parent").asc(nulls_first=True), "position", "pk")
    max_num = MAX_ITEMS
    show_change_link = True
    view_roles = BACK_OFFICE_ROLES
    add_roles = change_roles = delete_roles = services.EDITOR_ROLES
    owner_path, parent_owner_path = "menu__owner", "owner"

    def get_queryset(self, request: HttpRequest) -> QuerySet[MenuItem]:
        items: QuerySet[MenuItem] = super().get_queryset(request).select_related("parent")
        return items

    @admin.display(description="under")
    def under(self, item: MenuItem) -> str:
        return item.parent.title if item.parent else ""


@admin.register(Menu)
class MenuAdmin(RoleAdmin):
    form = MenuForm
    inlines = (ItemInline,)
    view_roles = BACK_OFFICE_ROLES
    add_roles = change_roles = delete_roles = services.EDITOR_ROLES
    owner_path = "owner"
    list_display = ("title", "owner", "type", "section", "active", "item_count")
    list_filter = ("type", "active", person_filter("owner", parameter="performer"))
    list_select_related = ("owner",)
    search_fields = ("title", "section")
    person_fields = ("owner",)
    id_fields = ("pk", "owner")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Menu]:
        menus: QuerySet[Menu] = super().get_queryset(request).annotate(counted=Count("items"))
        return menus

    @admin.display(description="items", ordering="counted")
    def item_count(self, menu: Menu) -> int:
        count: int = menu.counted  # type: ignore[attr-defined]
        return count

    def get_fields(self, request: HttpRequest, obj: Menu | None = None) -> tuple[str, ...]:
        return (
            ("title", "section", "active") if is_performer(request) else ("owner", "type", "title", "section", "active")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Menu | None = None) -> tuple[str, ...]:
        return ("owner", "type") if obj else ()

    def save_model(self, request: HttpRequest, obj: Menu, form: MenuForm, change: bool) -> None:
        if not change and is_performer(request):
            obj.owner_id = request.user.pk
        if change:
            services.update_menu(actor=signed_in(request), menu_id=obj.pk, draft=form.draft())
            return
        obj.pk = services.create_menu(actor=signed_in(request), draft=form.draft()).pk
        obj._state.adding = False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if any(each.instance._state.adding for each in formset.initial_forms):
            raise NotFound  # a posted id that is no item of this menu; Django would ignore it
        formset.save(commit=False)  # finds the deleted rows; the services save
        menu_id, actor = form.instance.pk, signed_in(request)
        if formset.deleted_objects:
            deleted = [item.pk for item in formset.deleted_objects]
            services.delete_items(actor=actor, menu_id=menu_id, item_ids=deleted)
        for each in formset.forms:
            if each in formset.deleted_forms or not each.has_changed():
                continue
            if each in formset.initial_forms:
                services.update_item(actor=actor, item_id=each.instance.pk, draft=each.draft())
            else:
                services.create_item(actor=actor, menu_id=menu_id, draft=each.draft())

    def delete_model(self, request: HttpRequest, obj: Menu) -> None:
        services.delete_menu(actor=signed_in(request), menu_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Menu]) -> None:
        chosen = sorted(queryset.values_list("pk", flat=True))

        def delete_all() -> None:
            for menu_id in chosen:
                services.delete_menu(actor=signed_in(request), menu_id=menu_id)

        command(delete_all)


@admin.register(MenuItem)
class MenuItemAdmin(RoleAdmin):
    form = ItemForm
    view_roles = BACK_OFFICE_ROLES
    add_roles = change_roles = delete_roles = services.EDITOR_ROLES
    owner_path = "menu__owner"
    fields = ("menu", "parent", "place", "title", "section", "description", "active", "price_tokens", "duration_s")
    autocomplete_fields = ("menu", "parent")
    list_display = ("title", "menu", "owner", "position", "section", "price_tokens", "duration_s", "active")
    list_filter = ("active", "menu__type", person_filter("menu__owner", parameter="performer"))
    list_select_related = ("menu__owner",)
    search_fields = ("title", "section", "menu__title")
    ordering = ("menu", "parent", "position", "id")

    @admin.display(ordering="menu__owner__username")
    def owner(self, item: MenuItem) -> str:
        return str(item.menu.owner or "platform")

    def get_readonly_fields(self, request: HttpRequest, obj: MenuItem | None = None) -> tuple[str, ...]:
        return ("menu",) if obj else ()

    def save_model(self, request: HttpRequest, obj: MenuItem, form: ItemForm, change: bool) -> None:
        if change:
            services.update_item(actor=signed_in(request), item_id=obj.pk, draft=form.draft())
            return
        obj.pk = services.create_item(actor=signed_in(request), menu_id=obj.menu_id, draft=form.draft()).pk
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: MenuItem) -> None:
        services.delete_items(actor=signed_in(request), menu_id=obj.menu_id, item_ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MenuItem]) -> None:
        chosen: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for menu_id, item_id in queryset.values_list("menu_id", "pk"):
            chosen[menu_id].append(item_id)

        def delete_all() -> None:
            for menu_id in sorted(chosen):
                services.delete_items(actor=signed_in(request), menu_id=menu_id, item_ids=chosen[menu_id])

        command(delete_all)


@admin.register(Purchase)
class PurchaseAdmin(RoleAdmin):
    view_roles = BACK_OFFICE_ROLES
    owner_path = "performer"
    list_display = ("id", "at", "buyer", "performer", "item", "price_tokens", "queue_item_id")
    list_filter = (person_filter("performer"), person_filter("buyer"))
    list_select_related = ("buyer", "performer", "item")
    person_fields = ("buyer", "performer")
    id_fields = ("pk", "buyer", "performer", "item", "queue_item", "hold")
    ordering = ("-id",)
