"""The back office's forms for menus. They validate with the services and show the faults."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from core.errors import ValidationFailed
from menus.models import Menu, MenuItem
from menus.services import ItemDraft, MenuDraft, check_item

FORM_NAMES = {"price": "price_tokens", "durationSeconds": "duration_s", "parentId": "parent", "position": "place"}


class MenuForm(forms.ModelForm):
    class Meta:
        model = Menu
        fields = ("owner", "type", "title", "section", "active")

    def draft(self) -> MenuDraft:
        """Return the menu as typed; fields that are not on the page keep their values."""
        menu = self.instance
        return MenuDraft(
            title=menu.title, section=menu.section, active=menu.active, type=menu.type, owner_id=menu.owner_id
        )


class ItemForm(forms.ModelForm):
    """An item's row or page. ``place`` is its position: siblings shift, so it is never "already taken"."""

    place = forms.IntegerField(
        label="Position",
        min_value=1,
        max_value=1_000,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="1 comes first; the others move. Empty: last.",
    )

    class Meta:
        model = MenuItem
        fields = ("menu", "parent", "title", "section", "description", "active", "price_tokens", "duration_s")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields["place"].initial = self.instance.position

    def draft(self) -> ItemDraft:
        """Return the item as typed; fields that are not on the page keep their values."""
        item = self.instance
        return ItemDraft(
            title=item.title,
            parent_id=item.parent_id,
            position=self.cleaned_data.get("place") if "place" in self.changed_data else None,
            section=item.section,
            description=item.description,
            active=item.active,
            price_tokens=item.price_tokens,
            duration_s=item.duration_s,
        )

    def validate_constraints(self) -> None:
        """Leave constraints to the service and the database: each check here would cost a statement."""

    def _post_clean(self) -> None:
        """Check the filled instance with the service; items of an unsaved menu are checked when saved."""
        super()._post_clean()  # type: ignore[misc]  # Django's hook, not in the stubs
        if self.errors or not self.has_changed():
            return
        item, menu = self.instance, self.instance.menu
        if menu._state.adding:
            return
        try:
            check_item(menu=menu, draft=self.draft(), item_id=None if item._state.adding else item.pk)
        except ValidationFailed as refusal:
            for name, faults in refusal.details.items():
                field = FORM_NAMES.get(name, name)
                self.add_error(field if field in self.fields else None, faults)
