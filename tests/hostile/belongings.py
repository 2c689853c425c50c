"""A performer with rows of every table: at least one for each address that has an id in it (`tests/hostile/rows`)."""

import re
from dataclasses import dataclass

from django.db.models import Model

from accounts.models import User
from escrow.models import Wallet
from menus.models import MenuItem
from perfqueue.models import PerformerQueue
from tests.hostile import rows
from tests.hostile.asking import song_of
from tests.world import performer, person

OWN = {User: "pk", Wallet: "owner", PerformerQueue: "pk"}  # of these the other performer has rows too


@dataclass(frozen=True)
class Belongings:
    """What is Ruby's, or was done for her."""

    ruby: User

    def row(self, model: type[Model]) -> Model:
        """A row of that table that is hers.

        Raises:
            AssertionError: there is none; whoever adds a table to the back office adds a row of it in `rows`.
        """
        mine = {OWN[model]: self.ruby.pk} if model in OWN else {}
        found = model._default_manager.filter(**mine).order_by("pk").first()
        assert found is not None, f"{model.__name__} has no row of hers"
        return found

    def named_by(self, path: str, parameter: str) -> str:
        """The id, or another name, of her row that a parameter of an address of the API names.

        Raises:
            AssertionError: nobody knows; whoever adds such an address adds its parameter to `NAMED` of its app.
        """
        named = rows.named() | ({"item_id": MenuItem} if path.startswith("menus/") else {})
        assert parameter in named, f"{path} names {parameter}"
        row = self.row(named[parameter])
        return str(row.pk if parameter.endswith("_id") else getattr(row, parameter, row.pk))

    def filled(self, route: str, *, path: str = "") -> str:
        """An address with what is hers in place of its parameters; `path` tells whose tables they name."""
        return re.sub(r"<[a-z]+:([a-z_]+)>", lambda found: self.named_by(path or route, found[1]), route)


def belongings() -> Belongings:
    ruby, alice = performer("ruby", user_cap=10), person("alice", tokens=10_000, points=1_000)
    song = song_of(ruby, price=2_000)
    ended, waiting = rows.menus.add(alice, song), rows.menus.add(alice, song)
    rows.perfqueue.perform(ruby, ended)
    rows.escrow.add(ruby)
    rows.slots.add(ruby, alice)
    rows.perfqueue.add(ruby, ended=ended, waiting=waiting)
    rows.accounts.add()
    rows.compliance.add(ruby)
    rows.loyalty.add(ruby)
    rows.escrow.add_of_the_platform(ruby, alice)
    return Belongings(ruby)
