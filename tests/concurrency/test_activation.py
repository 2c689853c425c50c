"""A paytable is activated while people spin, and two are activated at once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from accounts.models import Role
from core.db import command
from slots import services
from slots.models import Paytable, PaytableStep
from slots.services.paytables import active_paytable
from slots.services.verifying import verify
from slots.tests.factories import approved_paytable, play, player
from tests.racing import names, race
from tests.world import staff

pytestmark = pytest.mark.django_db(transaction=True)


def activating(paytable: Paytable) -> Callable[[], Any]:
    actor = staff(Role.GAMES)
    return lambda: command(partial(services.activate, paytable_id=paytable.pk, reason="", actor=actor))


def test_a_spin_during_an_activation_is_played_by_one_table_or_the_other() -> None:
    players, before, after = [player() for _ in range(8)], active_paytable(), approved_paytable()
    spins = [partial(play, user=each) for each in players]

    outcomes = race(*spins[:4], activating(after), *spins[4:])

    assert names(outcomes) == {"SpinResult": 8, "Paytable": 1}
    digests = {each.spin.paytable_digest for each in outcomes if isinstance(each, services.SpinResult)}
    assert digests <= {bytes(before.digest), bytes(after.digest)}
    assert play(user=player()).spin.paytable_digest == bytes(after.digest)
    assert list(verify()) == []


def test_of_tables_activated_at_once_one_is_active_and_each_step_is_recorded() -> None:
    tables = [approved_paytable() for _ in range(3)]

    outcomes = race(*(activating(each) for each in tables), activating(tables[0]))

    assert names(outcomes)["Paytable"] >= 3
    assert Paytable.objects.filter(status="active").count() == 1
    for each in Paytable.objects.filter(pk__in=[each.pk for each in tables]):
        last = PaytableStep.objects.filter(paytable=each).latest("id")
        assert last.to_status == each.status
