"""What the hostile walks know of each app: its rows, and which of its addresses are public or unkeyed.

Each app has a module of its own here; what is added to an app is added there.
"""

from types import ModuleType

from django.db.models import Model

from tests.hostile.rows import accounts, compliance, escrow, loyalty, menus, perfqueue, slots

APPS: tuple[ModuleType, ...] = (accounts, compliance, escrow, loyalty, perfqueue, menus, slots)


def public() -> set[tuple[str, str]]:
    """Addresses of the API, with the method, that need nobody to be signed in; an id is written {id}."""
    return {each for app in APPS for each in getattr(app, "PUBLIC", ())}


def unkeyed() -> set[str]:
    """Addresses of the API that change something and take no key."""
    return {each for app in APPS for each in getattr(app, "UNKEYED", ())}


def named() -> dict[str, type[Model]]:
    """The table of the row that a parameter of an address names."""
    return {name: model for app in APPS for name, model in getattr(app, "NAMED", {}).items()}
