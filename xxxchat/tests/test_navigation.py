"""The back office's sidebar and index: what is listed for whom, and the counts of what waits."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

import escrow.services
import perfqueue.services
from accounts.models import Role
from compliance.models import AgeCase
from tests.backoffice import signed_in, text_of
from tests.world import buy, performer, person, staff
from xxxchat.navigation import GROUPS

SIDEBAR_STATEMENTS = 2
LABELS = [label for group in GROUPS for label in group.icons]


def test_every_list_of_the_back_office_is_in_one_group() -> None:
    assert sorted(LABELS) == sorted(model._meta.label for model in admin.site._registry)


@pytest.mark.django_db(transaction=True)
def test_staff_see_what_waits() -> None:
    ruby, alice = performer(abandon_policy="review"), person(tokens=100)
    item = buy(alice, ruby, 30)
    perfqueue.services.start(item_id=item.id, actor=ruby)
    perfqueue.services.abandon(item_id=item.id, actor=ruby, reason="The string broke")

    page = signed_in(staff(Role.SUPPORT)).get("/admin/")

    counts = {item["title"]: item["badge"] for group in page.context["sidebar_navigation"] for item in group["items"]
              if "badge" in item}  # fmt: skip
    assert counts["Queue items"] == 1
    assert counts["Payouts"] is None
    figures = {figure.title: figure for figure in page.context["figures"]}
    assert (figures["In review"].value, figures["In review"].is_urgent) == ("1", True)
    assert (figures["Tokens held"].value, figures["Waiting"].note) == ("30", "nobody waits")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("role", "where"), [(Role.SUPPORT, "Age checks"), (Role.AUDITOR, "Age cases")])
def test_the_number_of_ages_that_wait_stands_where_this_person_can_go(role: str, where: str) -> None:
    for _ in range(2):
        AgeCase.objects.create(user=person(), why="unsure")
    client = signed_in(staff(role))

    page = client.get("/admin/")

    items = {each["title"]: each for group in page.context["sidebar_navigation"] for each in group["items"]}
    assert [title for title in items if items[title].get("badge") == 2] == [where]
    assert client.get(items[where]["link"]).status_code == 200
    figures = {figure.title: figure.value for figure in page.context["figures"]}
    assert figures.get("Age checks") == ("2" if role == Role.SUPPORT else None)


@pytest.mark.django_db(transaction=True)
def test_every_figure_opens_a_list() -> None:
    client = signed_in(staff(Role.ADMIN))

    figures = client.get("/admin/").context["figures"]

    assert [client.get(figure.link).status_code for figure in figures] == [200] * 12


@pytest.mark.django_db(transaction=True)
def test_a_performer_sees_her_lists_and_no_counts() -> None:
    ruby = performer()

    page = signed_in(ruby).get("/admin/")

    titles = [group.get("title") for group in page.context["sidebar_navigation"]]
    assert titles == [None, "Money", "Queue", "Menus"]
    assert "figures" not in page.context
    assert "waiting" not in text_of(page)


@pytest.mark.django_db(transaction=True)
def test_the_sidebar_costs_two_statements_however_much_waits() -> None:
    client = signed_in(staff(Role.ADMIN))
    client.get("/admin/accounts/user/add/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/admin/live/messagetemplate/")
    buy(person(tokens=100), performer(), 30)
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/live/messagetemplate/")

    assert len(many) == len(few)
    counting = [each["sql"] for each in many if "escrow_approval" in each["sql"] or "perfqueue_runitem" in each["sql"]]
    assert len(counting) == SIDEBAR_STATEMENTS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/admin/", "/admin/escrow/wallet/", "/admin/menus/menu/add/"])
def test_each_page_has_one_main_landmark(path: str) -> None:
    page = signed_in(staff(Role.ADMIN)).get(path).content.decode()

    assert page.count('role="main"') + page.count("<main") == 1


@pytest.mark.django_db(transaction=True)
def test_points_of_all_wallets_are_in_circulation() -> None:
    person(points=700)
    person(points=300)

    assert escrow.services.in_circulation(escrow.services.Currency.POINT) == 1_000
