"""The foreign key that every table of a person's has."""

from typing import Any

from django.db import models


def user_key(**given: Any) -> "models.ForeignKey":
    """A foreign key to a user without an index of its own; composite constraints and indexes serve look-ups."""
    return models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+", db_index=False, **given)
