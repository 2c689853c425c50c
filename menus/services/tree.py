"""The shape of one menu: an ordered tree, at most ``MAX_DEPTH`` levels deep and ``MAX_ITEMS`` items large. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from menus.models import MenuItem

MAX_DEPTH = 4
MAX_ITEMS = 200


class Tree:
    """The items of one menu, by parent, in their order."""

    def __init__(self, items: Iterable[MenuItem]) -> None:
        self.items = {item.pk: item for item in items}

    def siblings(self, parent_id: UUID | None) -> list[MenuItem]:
        """Return the children of one parent (None: the roots), first place first."""
        found = [item for item in self.items.values() if item.parent_id == parent_id]
        return sorted(found, key=lambda item: (item.position, item.pk))

    def place(self, item: MenuItem, position: int | None) -> None:
        """Put an item at a position among its siblings (None: last) and shift the others; positions run 1, 2, 3 …"""
        others = [other for other in self.siblings(item.parent_id) if other.pk != item.pk]
        index = len(others) if position is None else max(0, min(position - 1, len(others)))
        self.items[item.pk] = item
        number([*others[:index], item, *others[index:]])

    def remove(self, item_id: UUID) -> None:
        """Remove an item with its descendants, and close the gap. No effect if it was removed with its parent."""
        item = self.items.get(item_id)
        if item is None:
            return
        for removed in self.below(item_id) | {item_id}:
            del self.items[removed]
        number(self.siblings(item.parent_id))

    def below(self, item_id: UUID) -> set[UUID]:
        """Return the ids of an item's descendants."""
        children: defaultdict[UUID | None, list[UUID]] = defaultdict(list)
        for item in self.items.values():
            children[item.parent_id].append(item.pk)
        found: set[UUID] = set()
        pending = [item_id]
        while pending:
            unseen = [child for child in children[pending.pop()] if child not in found]
            found.update(unseen)
            pending.extend(unseen)
        return found

    def depth(self, item_id: UUID | None) -> int:
        """Return the level of an item: 0 above the roots, 1 for a root."""
        level = 0
        while item_id is not None:
            level, item_id = level + 1, self.items[item_id].parent_id
        return level

    def height(self, item_id: UUID) -> int:
        """Return how many levels an item and its descendants take."""
        return max((self.depth(below) for below in self.below(item_id)), default=self.depth(item_id)) - (
            self.depth(item_id) - 1
        )


def number(order: Iterable[MenuItem]) -> None:
    """Set positions 1, 2, 3 … on the items of one parent."""
    for position, item in enumerate(order, start=1):
        item.position = position
