"""Of slots."""

from django.db.models import Model

from accounts.models import User
from slots.models import Paytable, Spin
from slots.tests.factories import play

UNKEYED = {
    "slot-machine/reality-check",
    "admin/slot-machine/config",
    *(f"admin/slot-machine/config/{{id}}/{step}" for step in ("approve", "activate", "retire")),
}
NAMED: dict[str, type[Model]] = {"spin_id": Spin, "paytable_id": Paytable}


def add(ruby: User, alice: User) -> None:
    play(user=alice, bet=100, performer_id=ruby.pk)
