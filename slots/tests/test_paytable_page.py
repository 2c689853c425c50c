"""Paytables in the back office: rules sent as text or file, figures before approval, steps by two people."""

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role, User
from core.ids import new_id
from slots.draw import parse
from slots.models import Paytable, PaytableStep, ReviewRequest
from slots.par import par_sheet
from slots.tests.factories import table
from tests import world
from tests.backoffice import signed_in, text_of
from tests.clock import Clock
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


def reviewer(name: str, email: str = "") -> User:
    made = world.person(name, role=Role.GAMES)
    User.objects.filter(pk=made.pk).update(email=email)
    return made


def test_those_who_may_approve_are_asked_by_mail_and_again_after_an_hour(author: User, clock: Clock) -> None:
    User.objects.filter(pk=author.pk).update(email="author@example.org")
    reviewer("nora", "nora@example.org")
    reviewer("piet", "piet@example.org")
    reviewer("quinn")
    made, client = drafted(author), signed_in(author)
    logged = LogEntry.objects.count()

    page = client.post(f"{LIST}{made.pk}/ask/", follow=True)

    assert [message.to for message in mail.outbox] == [["nora@example.org"], ["piet@example.org"]]
    assert f"{made} at" in mail.outbox[0].body
    assert f"http://testserver{LIST}{made.pk}/change/\n" in mail.outbox[0].body
    assert "nora and piet asked by e-mail to look." in text_of(page)
    assert re.search(rf"Asked to look: nora and piet, [^,]+, \S+ UTC, by {author.username}\.", text_of(page))
    assert LogEntry.objects.count() == logged + 1
    again = text_of(client.post(f"{LIST}{made.pk}/ask/", follow=True))
    assert "were asked within the hour. (INVALID_TRANSITION). Nobody was asked." in again
    assert (len(mail.outbox), ReviewRequest.objects.count(), LogEntry.objects.count()) == (2, 2, logged + 1)
    clock.shift(hours=1)
    client.post(f"{LIST}{made.pk}/ask/")
    assert (len(mail.outbox), ReviewRequest.objects.count()) == (4, 4)


def test_a_mail_that_is_not_taken_is_said(author: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    reviewer("nora", "nora@example.org")
    made = drafted(author)

    page = text_of(signed_in(author).post(f"{LIST}{made.pk}/ask/", follow=True))

    assert "the e-mail could not be sent. Tell them yourself." in page
    assert "Asked to look: nora" in page


def test_nobody_is_asked_about_what_does_not_wait_for_approval(author: User) -> None:
    made, client = drafted(author), signed_in(author)
    reviewer("nora", "nora@example.org")
    step(client, made, "discard", "a slip")

    assert "Nobody was asked" in text_of(client.post(f"{LIST}{made.pk}/ask/", follow=True))
    assert client.get(f"{LIST}{made.pk}/ask/").status_code == 405
    assert client.post(f"{LIST}{new_id()}/ask/").status_code == 404
    assert signed_in(staff(Role.SUPPORT)).post(f"{LIST}{made.pk}/ask/").status_code == 403
    assert (mail.outbox, ReviewRequest.objects.exists()) == ([], False)


@pytest.mark.parametrize("approved", [False, True])
def test_a_table_that_nobody_played_by_is_discarded_for_good(author: User, approved: bool) -> None:
    made, client, second = drafted(author), signed_in(author), signed_in(staff(Role.GAMES))
    if approved:
        step(second, made, "approve")
    asked = text_of(client.get(f"{LIST}{made.pk}/discard/"))
    assert "It stays in the list and in the audit" in asked
    assert "This field is required" in text_of(step(client, made, "discard"))

    page = step(client, made, "discard", "a slip")

    shown = text_of(page)
    assert "is discarded." in shown
    assert "Nobody played by it, and nobody will." in shown
    assert "may be activated again" not in shown
    assert not [word for word in ("Discard…", "Approve…", "Activate…", "Retire…") if word in shown]
    stations = re.findall(r'<li class="[^"]*"[^>]*>\s*<span[^>]*></span>([A-Z][a-z]+)', page.content.decode())
    assert stations == ["Draft", "Computed", *(["Approved"] if approved else []), "Discarded"]
    last = PaytableStep.objects.filter(paytable=made).order_by("-id")[0]
    assert (last.to_status, last.reason, last.actor) == ("retired", "a slip", author)
    assert step(second, made, "activate").status_code == step(second, made, "approve").status_code == 403
    assert Paytable.objects.get(pk=made.pk).status == "retired"
    assert "Discarded" in text_of(client.get(LIST))


def test_what_was_active_is_retired_and_not_discarded(author: User) -> None:
    active, client = Paytable.objects.get(status="active"), signed_in(author)

    page = client.get(f"{LIST}{active.pk}/change/")

    assert "Discard…" not in text_of(page)
    assert client.post(f"{LIST}{active.pk}/discard/", {"reason": "x", "apply": "yes"}).status_code == 403
    assert Paytable.objects.get(pk=active.pk).status == "active"
