"""Of menus."""

from accounts.models import User
from menus.models import MenuItem
from menus.tests.factories import bought
from perfqueue.models import QueueItem
from tests.world import again

PUBLIC = {("menus", "GET"), ("performer/{id}/menus", "GET")}


def add(alice: User, song: MenuItem) -> QueueItem:
    """A purchase; the item in the queue."""
    return again(bought(alice, song))
