"""Message templates in the back office: who reads and edits them; a text is previewed before it is saved."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts.backoffice import BACK_OFFICE_ROLES
from accounts.models import STAFF_ROLES, Role
from live import services
from live.models import MessageTemplate
from live.templates import EVENT_TYPES
from live.tests.harness import rendered
from tests.backoffice import signed_in, text_of
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "queue.item.started"
LIST = "admin:live_messagetemplate_changelist"
NEW = "“$title” begins."


def address(what: str, key: str = KEY) -> str:
    row = MessageTemplate.objects.filter(key=key).order_by("version")[0]
    return reverse(f"admin:live_messagetemplate_{what}", args=[row.pk])


@pytest.mark.parametrize("role", sorted(BACK_OFFICE_ROLES))
def test_staff_read_every_key_and_performers_none(role: str) -> None:
    client = signed_in(person(role=role))

    listed, opened = client.get(reverse(LIST)), client.get(address("change"))

    if role in STAFF_ROLES:
        assert all(key in text_of(listed) for key in EVENT_TYPES)
        assert "shipped with the product" in text_of(opened)
    else:
        assert (listed.status_code, opened.status_code) == (403, 403)


def test_the_list_shows_current_texts_and_on_demand_all_versions() -> None:
    support = staff()
    services.edit_template(key=KEY, text=NEW, actor=support)
    client = signed_in(support)

    now, ever = client.get(reverse(LIST)), client.get(reverse(LIST), {"versions": "all"})

    assert "“$title” begins." in text_of(now)
    assert "“$title” is on stage." not in text_of(now)
    assert "“$title” is on stage." in text_of(ever)
    assert support.username in text_of(now)


def test_the_page_of_a_key_shows_its_history() -> None:
    support = staff()
    services.edit_template(key=KEY, text=NEW, actor=support)

    page = text_of(signed_in(support).get(address("change")))

    assert re.search(rf"2 \(now\) “\$title” begins\. .* UTC {support.username}", page)
    assert re.search(r"1 “\$title” is on stage\. .* UTC shipped with the product", page)


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_only_support_and_admin_may_edit(role: str) -> None:
    client = signed_in(person(role=role))
    may = role in (Role.SUPPORT, Role.ADMIN)

    assert (client.get(address("edit_template")).status_code == 200) is may
    assert ("New words…" in text_of(client.get(address("change")))) is may
    client.post(address("edit_template"), {"text": NEW, "apply": "yes"})

    assert (MessageTemplate.objects.filter(key=KEY).count() == 2) is may


def test_a_text_is_previewed_before_it_is_saved() -> None:
    support = staff()
    client = signed_in(support)

    form = client.get(address("edit_template"))
    shown = client.post(address("edit_template"), {"text": NEW})

    assert "What these words may name" in text_of(form)
    assert "“Request a song” is on stage." in text_of(form)
    assert "Version 2 would say “Request a song” begins." in text_of(shown)
    assert rendered(KEY, {}) == EVENT_TYPES[KEY].text

    saved = client.post(address("edit_template"), {"text": NEW, "apply": "yes"}, follow=True)

    assert f"{KEY} has new words, version 2." in text_of(saved)
    assert rendered(KEY, {"title": "Song"}) == "“Song” begins."
    made = MessageTemplate.objects.get(key=KEY, version=2)
    entry = LogEntry.objects.get()
    assert (made.author, entry.user_id, entry.object_id) == (support.pk, support.pk, str(made.pk))


def test_a_previewed_text_can_be_changed_again() -> None:
    page = signed_in(staff()).post(address("edit_template"), {"text": NEW, "again": "yes"})

    assert "“$title” begins." in text_of(page)
    assert "Version 2" not in text_of(page)
    assert MessageTemplate.objects.filter(key=KEY).count() == 1


@pytest.mark.parametrize("form", [{}, {"apply": "yes"}], ids=["shown", "saved"])
@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("$userId", "queue.item.started has no $userId."),
        ("", "Words are needed."),
        ("x" * 401, "401 letters; 400 at most."),
        ("<script>$title</script> $x", "has no $x"),
    ],
)
def test_a_refusal_is_shown_at_the_text(text: str, refusal: str, form: dict[str, str]) -> None:
    page = signed_in(staff()).post(address("edit_template"), {"text": text, **form})

    assert page.status_code == 200
    assert refusal in text_of(page)
    assert "<script>$title" not in page.content.decode()
    assert MessageTemplate.objects.filter(key=KEY).count() == 1


def test_a_text_sent_twice_is_one_version() -> None:
    client = signed_in(staff())

    for _ in range(2):
        again = client.post(address("edit_template"), {"text": NEW, "apply": "yes"})

    assert "These are the words already." in text_of(again)
    assert MessageTemplate.objects.filter(key=KEY).count() == 2


def test_nobody_changes_adds_or_deletes_a_row() -> None:
    client = signed_in(staff(Role.ADMIN))

    changed = client.post(address("change"), {"key": KEY, "version": 1, "text": "x"})
    added = client.post(reverse("admin:live_messagetemplate_add"), {"key": KEY, "version": 9, "text": "x"})
    deleted = client.post(address("delete"), {"post": "yes"})

    assert [each.status_code for each in (changed, added, deleted)] == [403, 403, 403]
    assert MessageTemplate.objects.get(key=KEY).text == EVENT_TYPES[KEY].text


def test_an_old_versions_form_holds_the_newest_text() -> None:
    support = staff()
    services.edit_template(key=KEY, text=NEW, actor=support)

    page = signed_in(support).get(address("edit_template"))

    assert "queue.item.started says now, in version 2 “Request a song” begins." in text_of(page)
