"""Texts that should be ids of rows."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Field


def no_such_id(field: Field, text: str) -> bool:
    """Return whether no row can have this text as its id."""
    while field.remote_field:
        field = field.target_field  # type: ignore[attr-defined]  # a foreign key has it
    try:
        field.run_validators(field.to_python(text))
    except ValidationError:
        return True
    return not text or "\0" in text


class RowChoiceField(forms.ModelChoiceField):
    """A choice of a row. What is no id is shown as no choice; Django's autocomplete would look it up and fail."""

    def prepare_value(self, value: Any) -> Any:
        shown = super().prepare_value(value)
        if isinstance(shown, str) and self.queryset is not None and no_such_id(self.queryset.model._meta.pk, shown):
            return None
        return shown
