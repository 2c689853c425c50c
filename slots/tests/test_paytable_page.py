"""Paytables in the back office: rules sent as text or file, figures before approval, steps by two people."""

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role, User
from slots.draw import parse
from slots.models import Paytable, PaytableStep
from slots.par import par_sheet
from slots.tests.factories import table
from tests import world
from tests.backoffice import signed_in, text_of
from tests.world import staff

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/slots/paytable/"


@pytest.fixture
def author() -> User:
    return staff(Role.GAMES)


def sent(client: Client, text: str = "", declared: str = "19/20", **more: Any) -> Any:
    return client.post(f"{LIST}draft/", {"text": text, "declared": declared, **more})


def drafted(author: User) -> Paytable:
    sent(signed_in(author), json.dumps(table()))
    return Paytable.objects.get(created_by=author)


def step(client: Client, paytable: Paytable, name: str, reason: str = "") -> Any:
    return client.post(f"{LIST}{paytable.pk}/{name}/", {"reason": reason, "apply": "yes"}, follow=True)


def test_pasted_rules_are_computed_and_their_figures_shown(author: User) -> None:
    client = signed_in(author)
    assert client.get(f"{LIST}draft/").status_code == 200

    answer = sent(client, json.dumps({"table": table(), "par": "not read"}))

    made = Paytable.objects.get(created_by=author)
    assert answer.url == f"{LIST}{made.pk}/change/"
    page = client.get(answer.url)
    shown = text_of(page)
    for words in (
        "You drafted this. A second person must approve it.",
        "Computed return equals the declared 19/20",
        "95 % 19/20 active: the same",
        "24.19 % 483791/2000000 active: 24.2",
        "1 in 8,000,000",
        "3.60 bets a spin, active 4.09",
        "Volatility index, 90 % 5.93, active 6.75",
        "this table 37 of 100, active 36 of 100",
        "100,000 92.86 to 97.14 % 93.12 to 96.88 %",
        "4 of 10 pays differ; the reels are the same",
        "Cherry 60 of 200 800 1,000 +200",
        "Three cherries 21.60 27.00",
        "Any three of star, seven, diamond – 10,000 none removed",
    ):
        assert words in shown
    assert page.content.decode().count('class="is-changed"') == 4
    assert LogEntry.objects.filter(object_id=str(made.pk)).count() == 1


def test_who_can_approve_is_named_but_for_the_author(author: User) -> None:
    made = drafted(author)
    for name in ("nora", "piet", "quinn", "rose"):
        world.person(name, role=Role.GAMES)

    shown = text_of(signed_in(author).get(f"{LIST}{made.pk}/change/"))

    assert author.username not in shown.partition("must approve it.")[2].partition(" can.")[0]
    assert re.search(r"must approve it\. [^.]+ and others can\.", shown)


def test_another_reel_is_a_change_and_a_table_is_compared_with_none_where_none_is_active(author: User) -> None:
    rules = table()
    rules["symbols"][0]["w"] += 1
    declared = par_sheet(parse(rules)).rtp
    client = signed_in(author)
    sent(client, json.dumps(rules), str(declared))
    made = Paytable.objects.get(created_by=author)

    page = client.get(f"{LIST}{made.pk}/change/")
    assert "the reels are different" in text_of(page)
    assert "61 of 201 was 60 of 200" in text_of(page)

    active = Paytable.objects.get(status="active")
    step(client, active, "retire", "a flaw")
    page = client.get(f"{LIST}{made.pk}/change/")
    assert "What it pays" in text_of(page)
    assert "is-changed" not in page.content.decode()


def test_the_rules_can_be_taken_away_and_sent_again(author: User) -> None:
    made = drafted(author)

    answer = signed_in(staff(Role.AUDITOR)).get(f"{LIST}{made.pk}/json/")

    file = json.loads(answer.content)
    assert parse(file["table"]).digest.hex() == file["canonicalSha256"] == bytes(made.digest).hex()
    assert file["par"] == made.par
    assert "attachment" in answer["Content-Disposition"]


def test_a_file_is_taken(author: User) -> None:
    file = SimpleUploadedFile("rules.json", json.dumps(table()).encode())

    assert sent(signed_in(author), file=file).status_code == 302
    assert Paytable.objects.filter(created_by=author, status="computed").exists()


@pytest.mark.parametrize(
    ("text", "declared", "words"),
    [
        ("", "19/20", "or their text is needed"),
        ('{"id": "a",\n "id" 1}', "19/20", "Line 2, column 7"),
        ('{"id": NaN}', "19/20", "This is no JSON that can be read"),
        ("[]", "19/20", "the table: an object is needed"),
        ('{"table": 1}', "19/20", "the table: an object is needed"),
        (json.dumps(table()), "95 %", "An exact share is needed"),
        (json.dumps(table()), "0.9", "computed 19/20"),
        (json.dumps(table(symbols=[{"s": "apple", "w": 1, "x3": 95}], pair=None, mixed=None)), "0.95", "pictures of"),
    ],
    ids=range(8),
)
def test_what_is_wrong_is_said_and_nothing_is_stored(author: User, text: str, declared: str, words: str) -> None:
    answer = sent(signed_in(author), text, declared)

    assert answer.status_code == 200
    assert words in text_of(answer)
    assert not Paytable.objects.filter(created_by=author).exists()


def test_two_people_take_it_from_draft_to_active_and_back(author: User) -> None:
    made, first, second = drafted(author), signed_in(author), signed_in(staff(Role.ADMIN))

    assert "SAME_APPROVER" in text_of(step(first, made, "approve"))
    assert "You did not draft this." in text_of(second.get(f"{LIST}{made.pk}/approve/"))
    assert "is approved" in text_of(step(second, made, "approve", "counted"))
    assert "classic-95 v1 is retired then" in text_of(first.get(f"{LIST}{made.pk}/activate/"))
    assert "is active" in text_of(step(first, made, "activate"))
    step(first, made, "retire")
    assert Paytable.objects.get(pk=made.pk).status == "active"
    page = text_of(step(first, made, "retire", "a flaw"))
    assert "It is retired" in page
    assert "a flaw" in page
    step(second, Paytable.objects.get(code="classic-95"), "activate", "back")
    assert Paytable.objects.get(status="active").code == "classic-95"
    assert PaytableStep.objects.filter(paytable=made).count() == 5


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
def test_other_staff_read_only(author: User, role: str) -> None:
    made, client = drafted(author), signed_in(staff(role))

    page = client.get(f"{LIST}{made.pk}/change/")
    assert "It waits for approval." in text_of(page)
    assert "Approve…" not in text_of(page)
    assert client.get(f"{LIST}draft/").status_code == 403
    assert client.post(f"{LIST}{made.pk}/approve/", {"apply": "yes"}).status_code == 403
    assert Paytable.objects.get(pk=made.pk).status == "computed"


def test_only_the_step_that_its_status_allows_is_offered(author: User) -> None:
    made, client = drafted(author), signed_in(staff(Role.GAMES))

    page = text_of(client.get(f"{LIST}{made.pk}/change/"))

    assert "Approve…" in page
    assert "Activate…" not in page
    assert "Retire…" not in page
