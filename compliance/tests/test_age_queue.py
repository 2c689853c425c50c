"""The page on which staff decide ages, and the policies' form."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, User
from compliance.models import AgeCase, AgeDecision, PolicyVersion
from tests.backoffice import signed_in, text_of
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/admin/compliance/agecase/queue/"
POLICIES = "/admin/compliance/policyversion"


def waiting(name: str = "") -> AgeCase:
    user = person(name)
    User.objects.filter(pk=user.pk).update(verified_at=None, date_of_birth=date(1990, 3, 3))
    return AgeCase.objects.create(user=user, region="DEMO", why="unsure", provider_answer="year not readable")


def decide(client: Client, case: AgeCase, **fields: str) -> Any:
    sent = {"case": str(case.pk), "waiting": "yes", "reason": "Document seen.", "date_of_birth": ""} | fields
    return client.post(QUEUE, sent, follow=True)


def test_the_oldest_is_open_and_nobody_is_named() -> None:
    first, second = waiting("somebody"), waiting()
    page = signed_in(staff()).get(QUEUE)

    shown = text_of(page)
    assert page.context["case"]["pk"] == first.pk
    assert [row["pk"] for row in page.context["waiting"]] == [first.pk, second.pk]
    assert "somebody" not in shown
    assert f"u-{first.user_id.hex[-6:]}" in shown
    assert "3 March 1990" in shown
    assert "year not readable" in shown


def test_another_case_is_opened_by_its_address() -> None:
    waiting()
    second = waiting()
    assert signed_in(staff()).get(QUEUE, {"case": str(second.pk)}).context["case"]["pk"] == second.pk


@pytest.mark.parametrize("named", ["x", "\x00", "0" * 36, "01920000-0000-7000-8000-000000000001"])
def test_an_unknown_case_shows_the_oldest(named: str) -> None:
    first = waiting()
    assert signed_in(staff()).get(QUEUE, {"case": named}).context["case"]["pk"] == first.pk


@pytest.mark.parametrize(("button", "outcome"), [("verify", "verified"), ("reject", "rejected")])
def test_a_decision_opens_the_next_case(button: str, outcome: str) -> None:
    first, second = waiting(), waiting()
    page = decide(signed_in(staff()), first, **{button: "yes"}, date_of_birth="1991-04-05")

    first.refresh_from_db()
    assert (first.state, first.user.date_of_birth) == (outcome, date(1991, 4, 5))
    assert page.context["case"]["pk"] == second.pk
    assert f"{outcome}. Undo is a new decision with a reason." in text_of(page)
    assert AgeDecision.objects.get().reason == "Document seen."


def test_without_a_reason_nothing_is_decided() -> None:
    case = waiting()
    page = decide(signed_in(staff()), case, verify="yes", reason=" ")

    assert "This field is required." in text_of(page)
    assert not AgeDecision.objects.exists()


@pytest.mark.parametrize("born", ["1850-01-01", "2999-01-01", "x", "2020-01-01"])
def test_a_date_that_verifies_nobody_is_refused_at_its_field(born: str) -> None:
    case = waiting()
    page = decide(signed_in(staff()), case, verify="yes", date_of_birth=born)

    assert page.context["form"].errors.keys() == {"date_of_birth"}
    assert not AgeDecision.objects.exists()


def test_the_second_to_decide_is_shown_who_was_first() -> None:
    case, nora = waiting(), staff()
    decide(signed_in(nora), case, verify="yes")

    page = decide(signed_in(staff()), case, reject="yes")

    assert f"{nora.username} verified this at" in text_of(page)
    assert AgeDecision.objects.count() == 1


def test_an_empty_queue_is_said() -> None:
    assert "Nobody waits." in text_of(signed_in(staff()).get(QUEUE))


@pytest.mark.parametrize("role", [Role.FINANCE, Role.GAMES, Role.AUDITOR, Role.PERFORMER])
def test_only_support_decides(role: Role) -> None:
    assert signed_in(person(role=role)).get(QUEUE).status_code == 403


def test_games_adds_a_version_of_a_policy_and_changes_none() -> None:
    games = staff(Role.GAMES)
    client = signed_in(games)
    sent = {"region": "NORTH", "wheel": "on", "minimum_age": "21", "reason": "A law."}

    assert client.post(f"{POLICIES}/add/", sent, follow=True).status_code == 200

    policy = PolicyVersion.objects.get(region="NORTH")
    assert (policy.slots, policy.wheel, policy.minimum_age, policy.author) == (False, True, 21, games)
    assert client.post(f"{POLICIES}/{policy.pk}/change/", sent).status_code == 403
    client.post(f"{POLICIES}/add/", sent | {"region": "A,B"})
    assert PolicyVersion.objects.filter(region="A,B").count() == 0


def test_support_reads_policies_only() -> None:
    client = signed_in(staff())
    assert client.get(f"{POLICIES}/").status_code == 200
    assert client.get(f"{POLICIES}/add/").status_code == 403
