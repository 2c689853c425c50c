"""Of slots."""

from django.db.models import Model

from accounts.models import User
from slots.models import Game, Look, Paytable, Reopening, Spin
from slots.tests.factories import play

UNKEYED = {
    "slot-machine/reality-check",
    "admin/slot-machine/config",
    *(f"admin/slot-machine/config/{{id}}/{step}" for step in ("approve", "activate", "retire")),
}
NAMED: dict[str, type[Model]] = {"spin_id": Spin, "paytable_id": Paytable}


def add(ruby: User, alice: User) -> None:
    play(user=alice, bet=100, performer_id=ruby.pk)
    Look.objects.create(paytable_digest=b"d" * 32, spins=1, staked=100, paid=0, z=0.5, verdict="shown")
    Reopening.objects.create(game=Game.objects.get(), asked_by=ruby, reason="x")
