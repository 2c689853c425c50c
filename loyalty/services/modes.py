"""Where points live."""

from core.errors import NotFound
from loyalty.services.gates import is_remote


def assert_remote() -> None:
    """Raise NotFound where points live in our ledger: there is nothing to link."""
    if not is_remote():
        raise NotFound
