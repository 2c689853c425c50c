"""Queues in the back office: who sees and finds what, settings within their bounds."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.backoffice import BACK_OFFICE_ROLES
from accounts.models import STAFF_ROLES, Role
from perfqueue import services
from perfqueue.models import PerformerQueue, QueueItem, RunItem, State, Strike, Transition
from tests import world
from tests.backoffice import signed_in
from tests.clock import Clock
from tests.world import again, buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "admin:perfqueue_queueitem_changelist"
MODELS = ("queueitem", "transition", "strike", "performerqueue", "run", "runitem")


@pytest.mark.parametrize("role", sorted(Role.values))
@pytest.mark.parametrize("model", MODELS)
def test_rows_are_read_only_in_every_role(role: str, model: str) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)
    row = {
        "queueitem": item.pk,
        "transition": Transition.objects.get().pk,
        "strike": Strike.objects.create(performer=ruby, item=item, cause="ROPE_DROP_EXPIRED").pk,
        "performerqueue": ruby.pk,
        "run": (
            run := services.open_run(action=services.RunAction.REFUND, item_ids=[item.pk], actor=ruby, reason="x")
        ).pk,
        "runitem": RunItem.objects.get(run=run).pk,
    }[model]
    client = signed_in(ruby if role == Role.PERFORMER else person(role=role))
    before = [*QueueItem.objects.values_list(), *Transition.objects.values_list()]

    add = client.post(reverse(f"admin:perfqueue_{model}_add"), {"title": "x"})
    delete = client.post(reverse(f"admin:perfqueue_{model}_delete", args=[row]), {"post": "yes"})
    change = client.post(reverse(f"admin:perfqueue_{model}_change", args=[row]), {"title": "x", "state": "finished"})
    pages = [
        client.get(reverse(f"admin:perfqueue_{model}_changelist")),
        client.get(reverse(f"admin:perfqueue_{model}_change", args=[row])),
        client.get(reverse(f"admin:perfqueue_{model}_history", args=[row])),
    ]

    assert [*QueueItem.objects.values_list(), *Transition.objects.values_list()] == before
    refusals = {add.status_code, delete.status_code}
    if role not in BACK_OFFICE_ROLES:
        assert refusals | {answer.status_code for answer in (change, *pages)} == {302}
    else:
        assert refusals <= {302, 403}
        if model != "performerqueue":
            assert change.status_code in (302, 403)
    if role in STAFF_ROLES:
        assert [page.status_code for page in pages] == [200] * 3


def test_a_performer_sees_her_own_queue_only() -> None:
    ruby, jade, alice = performer("ruby"), performer("jade"), person("alice", tokens=1_000)
    own, theirs = buy(alice, ruby, 100, title="Ruby's song"), buy(alice, jade, 100, title="Jade's song")
    client = signed_in(ruby)

    for query in ("", f"?performer={jade.pk}", "?performer=jade", "?user=alice", f"?q={theirs.pk}", "?q=alice"):
        assert "Jade's song" not in client.get(reverse(LIST) + query).content.decode().replace("&#x27;", "'")
    assert "Ruby&#x27;s song" in client.get(reverse(LIST)).content.decode()
    assert client.get(reverse("admin:perfqueue_queueitem_change", args=[own.pk])).status_code == 200
    for page in ("change", "history", "delete"):
        assert client.get(reverse(f"admin:perfqueue_queueitem_{page}", args=[theirs.pk])).status_code in (403, 404)
    assert client.get(reverse("admin:perfqueue_performerqueue_change", args=[jade.pk])).status_code == 404
    assert client.get(reverse("admin:perfqueue_transition_changelist")).status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q={alice.pk}", "ab"),
        ("?q=alice", "ab"),
        ("?q=ruby", "ac"),
        ("?q={a.pk}", "a"),
        ("?q={a.hold_id}", "a"),
        ("?q=nobody", ""),
        ("?q=%00", "abc"),
        ("?user=bob", "c"),
        ("?user={bob.pk}", "c"),
        ("?performer=jade", "b"),
        ("?performer=nobody", ""),
        ("?state__exact=created", "bc"),
        ("?feature=test", "abc"),
        ("?feature=menus", ""),
        ("?state__exact=started&performer=ruby&user=alice", "a"),
        ("?performer=%00", "abc"),
        ("?key={a.idempotency_key}", "a"),
        ("?least=11", ""),
        ("?least=10&most=10", "abc"),
        ("?most=9", ""),
        ("?least=ten", "abc"),
        ("?age=60", ""),
        ("?age=soon", "abc"),
        ("?overdue=yes", ""),
        ("?overdue=no", "abc"),
    ],
)
def test_items_are_found_by_filter_and_search(query: str, found: str) -> None:
    ruby, jade = performer("ruby"), performer("jade")
    alice, bob = person("alice", tokens=100), person("bob", tokens=100)
    a, b, c = (
        buy(*who, 10, title=f"title-{title}")
        for who, title in (((alice, ruby), "a"), ((alice, jade), "b"), ((bob, ruby), "c"))
    )
    services.start(item_id=a.pk, actor=ruby)

    page = signed_in(staff()).get(reverse(LIST) + query.format(alice=alice, bob=bob, a=a))

    assert page.status_code == 200
    assert set(re.findall(r"title-(\w)", page.content.decode())) == set(found)
    assert (b.title, c.title) == ("title-b", "title-c")


def test_list_pages_run_the_same_statements_however_long() -> None:
    client = signed_in(staff())

    def statements() -> list[int]:
        counts = []
        for model in MODELS:
            with CaptureQueriesContext(connection) as run:
                assert client.get(reverse(f"admin:perfqueue_{model}_changelist")).status_code == 200
            counts.append(len(run))
        return counts

    buy(person(tokens=100), performer(), 10)
    statements()
    few = statements()
    for _ in range(8):
        ruby = performer()
        item = buy(person(tokens=100), ruby, 10)
        Strike.objects.create(performer=ruby, item=item, cause="ROPE_DROP_EXPIRED")
        services.open_run(action=services.RunAction.REFUND, item_ids=[item.pk], actor=staff(), reason="x")

    assert [more - less for more, less in zip(statements(), few, strict=True)] == [0] * len(MODELS)


SETTINGS = {
    "depth": 40,
    "user_cap": 5,
    "rope_drop_s": 300,
    "max_wait_s": 7_200,
    "grace_s": 10,
    "disconnect_s": 90,
    "abandon_policy": "review",
}


@pytest.mark.parametrize("who", ["admin", "herself"])
def test_settings_of_a_queue_are_saved_through_the_service(who: str) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = again(buy(alice, ruby, 100))
    client = signed_in(ruby if who == "herself" else staff(Role.ADMIN))

    answer = client.post(
        reverse("admin:perfqueue_performerqueue_change", args=[ruby.pk]), SETTINGS | {"is_open": "", "next_turn": 9}
    )

    assert answer.status_code == 302
    assert PerformerQueue.objects.filter(pk=ruby.pk, is_open=True, next_turn=2, **SETTINGS).exists()
    assert again(item).rope_drop_at == item.rope_drop_at


def test_what_is_due_in_a_queue_expires_before_its_settings_are_saved(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=60), person(tokens=100)
    item = buy(alice, ruby, 100)
    clock.shift(seconds=61)
    change = reverse("admin:perfqueue_performerqueue_change", args=[ruby.pk])

    refused = signed_in(staff()).post(change, SETTINGS)
    state = again(item).state
    saved = signed_in(ruby).post(change, SETTINGS)

    assert (refused.status_code, state) == (403, State.CREATED), "support may not change settings"
    assert saved.status_code == 302
    assert (again(item).state, again(item).cause) == (State.REFUNDED, "ROPE_DROP_EXPIRED")
    assert PerformerQueue.objects.filter(pk=ruby.pk, **SETTINGS).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 0},
        {"depth": 201},
        {"rope_drop_s": 901},
        {"rope_drop_s": 29},
        {"max_wait_s": 59},
        {"disconnect_s": 19},
        {"user_cap": 0},
        {"abandon_policy": "x"},
    ],
)
def test_settings_out_of_bounds_are_refused_at_their_field(wrong: dict[str, Any]) -> None:
    ruby = performer()
    before = PerformerQueue.objects.values().get(pk=ruby.pk)
    form = {
        name: before[name] for name in ("depth", "user_cap", "rope_drop_s", "max_wait_s", "grace_s", "disconnect_s")
    }

    answer = signed_in(ruby).post(
        reverse("admin:perfqueue_performerqueue_change", args=[ruby.pk]),
        form | {"abandon_policy": "full_refund"} | wrong,
    )

    assert answer.status_code == 200
    assert PerformerQueue.objects.values().get(pk=ruby.pk) == before


def test_support_may_look_at_settings_but_not_change_them() -> None:
    ruby = performer()
    page = reverse("admin:perfqueue_performerqueue_change", args=[ruby.pk])
    client = signed_in(world.staff(Role.SUPPORT))

    assert (client.get(page).status_code, client.post(page, {"depth": 1}).status_code) == (200, 403)


def test_an_items_page_links_to_its_related_lists() -> None:
    ruby, alice = performer("ruby"), person("alice", tokens=100)
    item, other = buy(alice, ruby, 10), buy(alice, ruby, 10)
    services.refund_many(item_ids=[item.pk], actor=staff(), reason="x")
    client = signed_in(staff())

    page = client.get(reverse("admin:perfqueue_queueitem_change", args=[item.pk])).content.decode()
    links = {
        text: href
        for href, text in re.findall(r'href="([^"]*changelist[^"]*|/admin/[^"]*\?[^"]*)"[^>]*>([^<]+)<', page)
    }
    related = {name.strip(): client.get(href.replace("&amp;", "&")).content.decode() for name, href in links.items()}

    assert {
        "Transitions",
        "Operations of its hold",
        "Entries of its hold",
        "Events of its room",
        "Runs of staff",
    } <= set(related)
    assert "queue.item.refunded" in related["Events of its room"]
    assert str(other.pk) not in related["Events of its room"]
    assert str(item.pk) in related["Runs of staff"]
    assert str(item.pk) in related["Transitions"]
    assert "refund" in related["Operations of its hold"]
