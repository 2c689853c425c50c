"""Templates are versions: who may edit them, which variables they may name, and that none is changed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role
from core.errors import NotFound, RoleNotAllowed, ValidationFailed
from live import services
from live.models import MessageTemplate
from live.templates import EVENT_TYPES, template_faults
from live.tests.harness import ROOM_KEYS, rendered
from tests.interleaving import Concurrent
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "queue.item.started"


def versions(key: str = KEY) -> list[tuple[int, str]]:
    return list(MessageTemplate.objects.filter(key=key).order_by("version").values_list("version", "text"))


def refused(work: Callable[[], Any]) -> list[str]:
    with pytest.raises(ValidationFailed) as refusal:
        work()
    faults: list[str] = refusal.value.details["text"]
    return faults


def test_an_edit_is_the_next_version_and_names_its_author() -> None:
    support = staff()

    made = services.edit_template(key=KEY, text="  Now on stage: “$title”. ", actor=support)

    assert versions() == [(1, EVENT_TYPES[KEY].text), (2, "Now on stage: “$title”.")]
    assert (made.author, MessageTemplate.objects.get(key=KEY, version=1).author) == (support.pk, None)
    assert MessageTemplate.objects.get(pk=made.pk).created_at is not None
    assert rendered(KEY, {"title": "Song"}) == "Now on stage: “Song”."


@pytest.mark.parametrize("role", sorted(Role.values))
def test_support_and_admin_may_edit_templates(role: str) -> None:
    actor = person(role=role)
    if role in (Role.SUPPORT, Role.ADMIN):
        services.edit_template(key=KEY, text="“$title” began.", actor=actor)
    else:
        with pytest.raises(RoleNotAllowed):
            services.edit_template(key=KEY, text="“$title” began.", actor=actor)

    assert len(versions()) == (2 if role in (Role.SUPPORT, Role.ADMIN) else 1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Words are needed."),
        (" \n ", "Words are needed."),
        ("x" * 401, "401 letters; 400 at most."),
        ("$titel began", "queue.item.started has no $titel. It has $itemId, $performerId, $title, $state."),
        ("${userId} began", "queue.item.started has no $userId."),
        ("$position of $payout", "queue.item.started has no $position, $payout."),
        ("$ title", "A $ that begins no variable is written $$."),
        ("It costs 5$", "A $ that begins no variable is written $$."),
        ("one\ntwo", "One line of plain text, without control characters."),
        ("nul\0", "One line of plain text, without control characters."),
    ],
)
def test_invalid_texts_are_refused(text: str, fault: str) -> None:
    answers = refused(lambda: services.edit_template(key=KEY, text=text, actor=staff()))

    assert any(each.startswith(fault) for each in answers), answers
    assert refused(lambda: services.preview(key=KEY, text=text)) == answers
    assert len(versions()) == 1


def test_an_unchanged_text_is_no_new_version() -> None:
    assert refused(lambda: services.edit_template(key=KEY, text=EVENT_TYPES[KEY].text, actor=staff())) == [
        "These are the words already."
    ]


def test_an_unknown_key_has_no_template() -> None:
    with pytest.raises(NotFound):
        services.edit_template(key="never.heard", text="x", actor=staff())


def test_four_hundred_letters_and_a_dollar_are_allowed() -> None:
    services.edit_template(key=KEY, text="$$5 for ${title}" + "x" * 384, actor=staff())

    assert rendered(KEY, {"title": "Song"}).startswith("$5 for Songxxx")


def test_the_preview_fills_in_the_examples_and_writes_nothing() -> None:
    assert services.preview(key="slots.spin", text="$payout points ($nonce)") == "40 points (12)"
    assert len(versions("slots.spin")) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE live_messagetemplate SET text = 'x'",
        "DELETE FROM live_messagetemplate",
        "TRUNCATE live_messagetemplate",
        "DELETE FROM live_messagetemplate WHERE false",
    ],
)
def test_a_version_is_never_changed(change: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    assert versions() == [(1, EVENT_TYPES[KEY].text)]


def test_an_empty_text_is_refused_by_the_table_too() -> None:
    with pytest.raises(IntegrityError, match="live_template_says_something"), transaction.atomic():
        MessageTemplate.objects.create(key=KEY, version=2, text="")


def test_two_edits_at_once_are_two_versions() -> None:
    first, second = staff(), staff(Role.ADMIN)

    with transaction.atomic():
        services.edit_template(key=KEY, text="first", actor=first)
        other = Concurrent(lambda: services.edit_template(key=KEY, text="second", actor=second))
        other.assert_blocked()

    assert other.result().version == 3
    assert versions() == [(1, EVENT_TYPES[KEY].text), (2, "first"), (3, "second")]


@pytest.mark.parametrize("key", sorted(EVENT_TYPES))
def test_the_shipped_texts_pass_the_rules(key: str) -> None:
    assert template_faults(key, EVENT_TYPES[key].text) == []


@pytest.mark.parametrize("key", sorted(ROOM_KEYS))
def test_the_template_of_a_room_event_may_name_only_what_a_room_sees(key: str) -> None:
    known = EVENT_TYPES[key].room_variables
    assert set(EVENT_TYPES[key].example) <= known
    assert known <= {"itemId", "performerId", "title", "state", "position", "menuId"}
