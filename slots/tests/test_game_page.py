"""The machine's page in the back office: its return in words, and two people who open it again."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import STAFF_ROLES, Role, User
from slots.models import Game, Look, Reopening
from slots.tests.planting import plant, watch_all
from slots.tests.test_watching import AWRY
from tests.backoffice import signed_in, text_of
from tests.world import person, staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]
LIST = "/admin/slots/game/"


@pytest.fixture(autouse=True)
def early(settings: Any) -> None:
    settings.SLOTS_DRIFT_MIN_SPINS = 200


@pytest.fixture
def closed() -> str:
    """The address of the machine, closed by its return."""
    plant(person(), AWRY)
    watch_all()
    return f"{LIST}{Game.objects.get().pk}/"


def step(user: User, page: str, name: str, reason: str = "") -> Any:
    return signed_in(user).post(f"{page}{name}/", {"reason": reason, "apply": "yes"}, follow=True)


def test_the_return_is_told_in_words_before_it_is_judged() -> None:
    page = f"{LIST}{Game.objects.get().pk}/change/"
    client = signed_in(staff(Role.AUDITOR))
    assert "Nothing counted yet." in text_of(client.get(page))
    plant(person(), [0, 150])
    watch_all()

    shown = text_of(client.get(page))

    assert "Watched. classic-95 v1 paid 150 of 200 points in 2 spins" in shown
    assert "It is judged from 200 spins on." in shown


def test_two_people_open_it_with_reasons_and_an_audit(closed: str) -> None:
    first, second = staff(Role.GAMES), staff(Role.GAMES)
    assert "Find the cause, then ask to open it" in text_of(signed_in(first).get(f"{closed}change/"))

    asked = text_of(step(first, closed, "ask-reopening", "The bench played"))
    own = text_of(signed_in(first).get(f"{closed}change/"))
    refused = text_of(step(first, closed, "approve-reopening"))

    assert "You asked to open the machine. A second person must approve it." in asked
    assert "You asked for this yourself" in own
    assert "SAME_APPROVER" in refused
    assert not Game.objects.get().enabled
    opened = text_of(step(second, closed, "approve-reopening", "Agreed"))
    assert "The machine is open; its return is counted anew." in opened
    row = Reopening.objects.get()
    assert (row.asked_by, row.decided_by, row.decision_reason) == (first, second, "Agreed")
    assert Game.objects.get().enabled
    log = LogEntry.objects.filter(content_type__model="game").order_by("id")
    assert [(each.user_id, each.change_message) for each in log] == [
        (first.pk, "Ask to open. The bench played"),
        (second.pk, "Approve opening. Agreed"),
    ]


def test_a_request_is_rejected_with_a_reason(closed: str) -> None:
    first, second = staff(Role.GAMES), staff(Role.ADMIN)
    step(first, closed, "ask-reopening", "Please")

    assert "This field is required" in text_of(step(second, closed, "reject-reopening"))
    assert "The request is rejected." in text_of(step(second, closed, "reject-reopening", "Not yet"))
    assert (Reopening.objects.get().approved, Game.objects.get().enabled) == (False, False)


@pytest.mark.parametrize("role", sorted(STAFF_ROLES - {Role.GAMES, Role.ADMIN}))
def test_other_roles_read_and_take_no_step(closed: str, role: str) -> None:
    client = signed_in(staff(role))
    Reopening.objects.create(game=Game.objects.get(), asked_by=staff(Role.GAMES), reason="Please")

    assert client.get(f"{closed}change/").status_code == 200
    for name in ("ask-reopening", "approve-reopening", "reject-reopening"):
        assert client.post(f"{closed}{name}/", {"reason": "x", "apply": "yes"}).status_code == 403
    assert (Reopening.objects.get().approved, Game.objects.get().enabled) == (None, False)


def test_an_open_machine_offers_no_step() -> None:
    page = f"{LIST}{Game.objects.get().pk}/"

    answer = step(staff(Role.GAMES), page, "ask-reopening", "Please")

    assert answer.status_code == 403
    assert not Reopening.objects.exists()


def test_looks_and_requests_are_listed(closed: str) -> None:
    client = signed_in(staff(Role.SUPPORT))
    step(staff(Role.GAMES), closed, "ask-reopening", "The bench played")

    assert "disable" in text_of(client.get("/admin/slots/look/")).lower()
    assert client.get(f"/admin/slots/look/{Look.objects.get().pk}/change/").status_code == 200
    assert "The bench played" in text_of(client.get("/admin/slots/reopening/"))
    assert client.get(f"/admin/slots/reopening/{Reopening.objects.get().pk}/change/").status_code == 200
