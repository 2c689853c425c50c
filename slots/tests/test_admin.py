"""The slot machine in the back office: staff read it, nobody changes it, no seed of a future spin is shown."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import STAFF_ROLES, Role
from slots import services
from slots.models import Game, Paytable, Spin
from slots.tests.factories import play, player, state_of
from tests.backoffice import signed_in
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def spin() -> Spin:
    user = player()
    played = [play(user=user, bet=100).spin for _ in range(3)]
    return Spin.objects.get(pk=played[-1].id)


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_staff_see_every_list_and_row(role: str, spin: Spin) -> None:
    client = signed_in(person(role=role))
    pages = [
        "game/",
        "paytable/",
        "slotstate/",
        "spin/",
        f"spin/{spin.id}/change/",
        f"slotstate/{spin.user_id}/change/",
        f"paytable/{Paytable.objects.get().id}/change/",
        f"game/{Game.objects.get().id}/change/",
    ]

    assert {page: client.get(f"/admin/slots/{page}").status_code for page in pages} == dict.fromkeys(pages, 200)


def test_nobody_adds_changes_or_deletes(spin: Spin) -> None:
    client = signed_in(person(role=Role.ADMIN))

    for page in ("spin/add/", f"spin/{spin.id}/delete/", f"paytable/{Paytable.objects.get().id}/delete/"):
        assert client.get(f"/admin/slots/{page}").status_code == 403
    assert client.post(f"/admin/slots/game/{Game.objects.get().id}/change/", {"enabled": ""}).status_code == 403
    assert Game.objects.get().enabled


def test_a_performer_sees_no_spin(spin: Spin) -> None:
    assert signed_in(person(role=Role.PERFORMER)).get("/admin/slots/spin/").status_code == 403


def test_no_seed_of_a_spin_to_come_is_shown(spin: Spin) -> None:
    user = player()
    services.fairness(user=user)
    sealed = bytes(state_of(user).sealed_seed)

    shown = signed_in(person(role=Role.ADMIN)).get(f"/admin/slots/slotstate/{user.id}/change/").content.decode()

    assert bytes(state_of(user).commitment).hex() in shown
    assert sealed.hex() not in shown
    assert "sealed" not in shown.lower()


@pytest.mark.parametrize(("what", "found"), [("id", 1), ("user_id", 3), ("none", 0)])
def test_a_spin_is_found_by_its_own_or_its_users_id(spin: Spin, what: str, found: int) -> None:
    term = getattr(spin, what, "no id at all")

    shown = signed_in(person(role=Role.AUDITOR)).get("/admin/slots/spin/", {"q": str(term)})

    assert len(shown.context["cl"].result_list) == found


def test_the_list_of_spins_runs_the_same_statements_however_long() -> None:
    client, user = signed_in(person(role=Role.GAMES)), player()
    costs = []
    for _ in range(2):
        play(user=user, bet=100)
        client.get("/admin/slots/spin/")
        with CaptureQueriesContext(connection) as captured:
            client.get("/admin/slots/spin/")
        costs.append(len(captured))
        for _ in range(5):
            play(user=user, bet=100)

    assert costs[0] == costs[1]
