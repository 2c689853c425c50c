"""What the public sees of menus."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from menus import services
from menus.models import MenuItem, MenuType
from menus.tests.factories import item_in, menu_of, person
from tests.world import deactivated

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ruby() -> User:
    return person("ruby", Role.PERFORMER)


def got(path: str) -> dict[str, Any]:
    answer = Client().get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = json.loads(answer.content)
    return body


def outline(items: list[dict[str, Any]]) -> list[Any]:
    return [[item["title"], *([outline(item["children"])] if item["children"] else [])] for item in items]


def test_the_shape_is_the_documented_one(ruby: User) -> None:
    menu = menu_of(ruby, "On stage")
    item = item_in(menu, "A song", 40, section="Songs")

    assert got(f"/performer/{ruby.pk}/menus") == {
        "menus": [
            {
                "id": str(menu.pk),
                "type": "performance",
                "title": "On stage",
                "items": [
                    {
                        "id": str(item.pk),
                        "title": "A song",
                        "section": "Songs",
                        "position": 1,
                        "price": 40,
                        "currency": "TOKEN",
                        "durationSeconds": 120,
                        "available": True,
                        "reason": None,
                        "children": [],
                    }
                ],
            }
        ]
    }


def test_what_is_switched_off_is_not_shown_nor_what_lies_under_it(ruby: User) -> None:
    menu = menu_of(ruby)
    hidden = item_in(menu, "Hidden", None, active=False)
    item_in(menu, "Under hidden", parent_id=hidden.pk)
    songs = item_in(menu, "Songs", None)
    item_in(menu, "Ballad", parent_id=songs.pk)
    item_in(menu, "Off", active=False, parent_id=songs.pk)
    menu_of(ruby, "Old menu", active=False)

    menus = got(f"/performer/{ruby.pk}/menus")["menus"]

    assert [(menu["title"], outline(menu["items"])) for menu in menus] == [("On stage", [["Songs", [["Ballad"]]]])]
    heading = menus[0]["items"][0]
    assert (heading["price"], heading["available"], heading["reason"]) == (None, False, "ITEM_UNAVAILABLE")


@pytest.mark.parametrize("who", ["user", "nobody", "malformed", "left"])
def test_only_a_performer_has_menus(ruby: User, who: str) -> None:
    deactivated(ruby)
    ids = {"user": person("alice", Role.USER).pk, "nobody": menu_of(ruby).pk, "malformed": "x", "left": ruby.pk}

    answer = Client().get(f"/api/v1/performer/{ids[who]}/menus")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_all_menus_are_filtered_by_section_and_searched_by_title(ruby: User) -> None:
    platform = menu_of(None, "Chips", type=MenuType.PURCHASABLE, section="Shop")
    item_in(platform, "Ten chips", 10, duration_s=None)
    menu = menu_of(ruby, "On stage")
    songs = item_in(menu, "Songs", None)
    item_in(menu, "Slow ballad", parent_id=songs.pk, section="Voice")
    item_in(menu, "Waltz", section="Dance")
    menu_of(ruby, "Closed", active=False)

    def found(query: str) -> list[Any]:
        return [[menu["title"], *outline(menu["items"])] for menu in got(f"/menus{query}")["menus"]]

    everything = [["Chips", ["Ten chips"]], ["On stage", ["Songs", [["Slow ballad"]]], ["Waltz"]]]
    assert found("") == found("?section=&search=") == everything
    assert found("?search=BALLAD") == [["On stage", ["Songs", [["Slow ballad"]]]]]
    assert found("?section=dance") == [["On stage", ["Waltz"]]]
    assert found("?section=shop") == [["Chips", ["Ten chips"]]]
    assert found("?section=dance&search=ballad") == found("?search=%25") == []


def test_the_lowest_price_is_that_of_what_is_shown(ruby: User) -> None:
    jade = person("jade", Role.PERFORMER)
    menu = menu_of(ruby)
    for price, active in ((40, True), (10, False), (25, True), (None, True)):
        item_in(menu, f"{price}", price, active=active)
    item_in(menu_of(ruby, "Closed", active=False), "1", 1)

    assert services.lowest_prices([ruby.pk, jade.pk]) == {ruby.pk: 25}


@pytest.mark.parametrize("query", ["?search=%00", "?section=%00", f"?search={'x' * 81}"])
def test_a_query_that_cannot_be_used_is_refused(query: str) -> None:
    answer = Client().get(f"/api/v1/menus{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_FAILED")


def test_the_number_of_statements_does_not_depend_on_the_length(ruby: User) -> None:
    def statements() -> tuple[int, int]:
        counts = []
        for path in (f"/performer/{ruby.pk}/menus", "/menus?search=o"):
            with CaptureQueriesContext(connection) as run:
                got(path)
            counts.append(len(run))
        return counts[0], counts[1]

    item_in(menu_of(ruby), "One")
    few = statements()
    for _ in range(5):
        menu = menu_of(ruby)
        heading = item_in(menu, "Songs", None)
        for n in range(12):
            item_in(menu, f"Song {n}", parent_id=heading.pk)

    assert statements() == few
    assert MenuItem.objects.count() == 66
    assert few[0] <= 4
    assert few[1] <= 3
    assert len(services.menus(search="o")) == 6
