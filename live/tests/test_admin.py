"""The words in the back office: who reads, who writes, and that nothing is saved unseen."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.backoffice import BACK_OFFICE_ROLES
from accounts.models import STAFF_ROLES, Role, User
from live import services
from live.models import MessageTemplate
from live.templates import EVENT_TYPES
from live.tests.harness import rendered
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "queue.item.started"
LIST = "admin:live_messagetemplate_changelist"
NEW = "“$title” begins."


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def words(answer: Any) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def address(what: str, key: str = KEY) -> str:
    row = MessageTemplate.objects.filter(key=key).order_by("version")[0]
    return reverse(f"admin:live_messagetemplate_{what}", args=[row.pk])


@pytest.mark.parametrize("role", sorted(BACK_OFFICE_ROLES))
def test_staff_read_every_key_and_performers_none(role: str) -> None:
    client = signed_in(person(role=role))

    listed, opened = client.get(reverse(LIST)), client.get(address("change"))

    if role in STAFF_ROLES:
        assert all(key in words(listed) for key in EVENT_TYPES)
        assert "shipped with the product" in words(opened)
    else:
        assert (listed.status_code, opened.status_code) == (403, 403)


def test_the_list_shows_the_current_words_and_on_demand_those_before() -> None:
    support = staff()
    services.edit_template(key=KEY, text=NEW, actor=support)
    client = signed_in(support)

    now, ever = client.get(reverse(LIST)), client.get(reverse(LIST), {"versions": "all"})

    assert "“$title” begins." in words(now)
    assert "“$title” is on stage." not in words(now)
    assert "“$title” is on stage." in words(ever)
    assert support.username in words(now)


def test_the_page_of_a_key_shows_its_history() -> None:
    support = staff()
    services.edit_template(key=KEY, text=NEW, actor=support)

    page = words(signed_in(support).get(address("change")))

    assert re.search(rf"2 \(now\) “\$title” begins\. .* UTC {support.username}", page)
    assert re.search(r"1 “\$title” is on stage\. .* UTC shipped with the product", page)


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_only_support_and_admin_are_offered_new_words(role: str) -> None:
    client = signed_in(person(role=role))
    may = role in (Role.SUPPORT, Role.ADMIN)

    assert (client.get(address("edit_template")).status_code == 200) is may
    assert ("New words…" in words(client.get(address("change")))) is may
    client.post(address("edit_template"), {"text": NEW, "apply": "yes"})

    assert (MessageTemplate.objects.filter(key=KEY).count() == 2) is may


def test_new_words_are_shown_before_they_are_saved() -> None:
    support = staff()
    client = signed_in(support)

    form = client.get(address("edit_template"))
    shown = client.post(address("edit_template"), {"text": NEW})

    assert "What these words may name" in words(form)
    assert "“Request a song” is on stage." in words(form)
    assert "Version 2 would say “Request a song” begins." in words(shown)
    assert rendered(KEY, {}) == EVENT_TYPES[KEY].text

    saved = client.post(address("edit_template"), {"text": NEW, "apply": "yes"}, follow=True)

    assert f"{KEY} has new words, version 2." in words(saved)
    assert rendered(KEY, {"title": "Song"}) == "“Song” begins."
    made = MessageTemplate.objects.get(key=KEY, version=2)
    entry = LogEntry.objects.get()
    assert (made.author, entry.user_id, entry.object_id) == (support.pk, support.pk, str(made.pk))


def test_what_was_shown_can_be_changed_again() -> None:
    page = signed_in(staff()).post(address("edit_template"), {"text": NEW, "again": "yes"})

    assert "“$title” begins." in words(page)
    assert "Version 2" not in words(page)
    assert MessageTemplate.objects.filter(key=KEY).count() == 1


@pytest.mark.parametrize("form", [{}, {"apply": "yes"}], ids=["shown", "saved"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$userId", "queue.item.started has no $userId."),
        ("", "Words are needed."),
        ("x" * 401, "401 letters; 400 at most."),
        ("<script>$title</script> $x", "has no $x"),
    ],
)
def test_a_refusal_stands_under_the_words(text: str, said: str, form: dict[str, str]) -> None:
    page = signed_in(staff()).post(address("edit_template"), {"text": text, **form})

    assert page.status_code == 200
    assert said in words(page)
    assert "<script>$title" not in page.content.decode()
    assert MessageTemplate.objects.filter(key=KEY).count() == 1


def test_sent_twice_it_is_one_version() -> None:
    client = signed_in(staff())

    for _ in range(2):
        again = client.post(address("edit_template"), {"text": NEW, "apply": "yes"})

    assert "These are the words already." in words(again)
    assert MessageTemplate.objects.filter(key=KEY).count() == 2


def test_nobody_changes_adds_or_deletes_a_row() -> None:
    client = signed_in(staff(Role.ADMIN))

    changed = client.post(address("change"), {"key": KEY, "version": 1, "text": "x"})
    added = client.post(reverse("admin:live_messagetemplate_add"), {"key": KEY, "version": 9, "text": "x"})
    deleted = client.post(address("delete"), {"post": "yes"})

    assert [each.status_code for each in (changed, added, deleted)] == [403, 403, 403]
    assert MessageTemplate.objects.get(key=KEY).text == EVENT_TYPES[KEY].text


def test_an_old_versions_page_leads_to_the_newest_words() -> None:
    support = staff()
    services.edit_template(key=KEY, text=NEW, actor=support)

    page = signed_in(support).get(address("edit_template"))

    assert "queue.item.started says now, in version 2 “Request a song” begins." in words(page)
