"""Files with one's own data: made by a worker, one at a time, private, for a day, gone with the account."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import services as accounts
from accounts.errors import ExportEnded
from accounts.models import Export, ExportPart, ExportState, User
from accounts.services import exporting as stored
from core.clock import db_now
from core.db import command
from tests import world
from tests.clock import Clock
from tests.racing import race
from xxxchat import exporting, own_data, tasks
from xxxchat.erasure import erase_due
from xxxchat.pages.tests.visiting import html, send, visitor

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNT, ASK, FILE = reverse("account"), reverse("own-data"), reverse("own-data-file")


@pytest.fixture
def alice() -> User:
    return world.person("alice", tokens=500)


def page_of(client: Client) -> str:
    return html(client.get(ACCOUNT))


def asked(user: User) -> Client:
    client = visitor(user)
    send(client, page_of(client), ASK)
    return client


def downloaded(client: Client) -> Any:
    return send(client, page_of(client), FILE)


def after_each_part(monkeypatch: pytest.MonkeyPatch, then: Callable[[int], object]) -> None:
    """Call this with the number of each part, after its commit."""
    store = exporting._store

    def watched(claim: Any, number: int, piece: Any) -> None:
        store(claim, number, piece)
        then(number)

    monkeypatch.setattr(exporting, "_store", watched)


def test_a_file_is_asked_for_made_and_downloaded(alice: User) -> None:
    client = asked(alice)
    assert "It begins within a minute." in page_of(client)

    assert tasks.make_exports() == 1

    assert "Ready: " in page_of(client)
    answer = downloaded(client)
    body = b"".join(answer.streaming_content)
    document = json.loads(body)
    assert (document["userId"], document["complete"]) == (str(alice.pk), True)
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert tasks.make_exports() == 0


def test_the_page_says_how_far_it_is_and_asks_again_until_it_is_ready(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_data, "CHUNK_BYTES", 64)
    client, seen = asked(alice), list[str]()
    after_each_part(monkeypatch, lambda _: seen.append(html(client.get(reverse("own-data-state")))))
    exporting.make_next()

    export = Export.objects.get(user=alice)
    assert len(seen) == ExportPart.objects.count() > 5
    assert f"of {export.sections} parts" in seen[0]
    assert 'hx-trigger="every 2s' in seen[0]
    assert export.sections_done == export.sections > 20
    assert "hx-trigger" not in html(client.get(reverse("own-data-state")))


def test_a_mail_says_that_it_is_ready_where_the_address_is_confirmed(alice: User) -> None:
    bob = world.person("bob")
    User.objects.filter(pk=alice.pk).update(email="alice@example.org", email_confirmed_at=db_now())
    User.objects.filter(pk=bob.pk).update(email="bob@example.org", email_confirmed_at=None)
    asked(alice)
    asked(bob)

    assert [exporting.make_next(), exporting.make_next(), exporting.make_next()] == [True, True, False]

    assert [message.to for message in mail.outbox] == [["alice@example.org"]]
    assert "is ready" in mail.outbox[0].subject
    assert "://" not in mail.outbox[0].body, "a link in it would teach people to follow such links"


def test_one_is_made_at_a_time_however_often_it_is_asked_for(alice: User) -> None:
    client = asked(alice)
    client.post(ASK)
    assert sorted(race(*[lambda: accounts.ask_export(alice.pk)] * 2)) == [False, False]
    assert Export.objects.count() == 1

    exporting.make_next()
    assert sorted(race(*[lambda: accounts.ask_export(alice.pk)] * 2)) == [False, True]
    assert Export.objects.filter(state=ExportState.MAKING).count() == 1


def test_two_workers_make_it_once(alice: User) -> None:
    asked(alice)

    assert sorted(race(exporting.make_next, exporting.make_next)) == [False, True]

    assert sorted(ExportPart.objects.values_list("number", flat=True)) == [*range(ExportPart.objects.count())]


def test_five_files_an_hour_and_twenty_downloads_by_nobody_else_and_by_no_link(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    statuses = []
    for _ in range(6):
        statuses.append(client.post(ASK).status_code)
        exporting.make_next()
    assert statuses == [302] * 5 + [429]

    assert [client.post(FILE).status_code for _ in range(21)] == [200] * 20 + [429]
    assert client.get(FILE).status_code == client.get(ASK).status_code == 405
    assert Client().post(FILE).status_code == Client().post(ASK).status_code == 302
    stranger = Client()
    stranger.force_login(world.person("bob"), backend="django.contrib.auth.backends.ModelBackend")
    assert stranger.post(FILE, {"user": str(alice.pk)}).status_code == 404


def test_a_newer_file_takes_the_place_of_the_older(alice: User) -> None:
    client = asked(alice)
    exporting.make_next()
    send(client, page_of(client), ASK)
    exporting.make_next()

    assert [*Export.objects.order_by("id").values_list("state", flat=True)] == ["gone", "ready"]
    assert set(ExportPart.objects.values_list("export__state", flat=True)) == {"ready"}


def test_a_file_is_gone_after_a_day_also_where_nothing_ran(alice: User, clock: Clock) -> None:
    client = asked(alice)
    exporting.make_next()
    clock.shift(seconds=stored.KEPT.total_seconds() + 1)
    client = visitor(alice)

    assert "is gone." in page_of(client)
    client.get(ACCOUNT)
    assert client.post(FILE, {"csrfmiddlewaretoken": client.cookies["csrftoken"].value}).status_code == 404
    assert ExportPart.objects.exists()
    assert exporting.end_due() == 1
    assert not ExportPart.objects.exists()


def test_what_a_worker_left_is_begun_again_by_another_and_the_first_writes_no_more(alice: User, clock: Clock) -> None:
    asked(alice)
    lost = command(accounts.claim_export)
    assert lost is not None
    command(lambda: accounts.add_part(lost, number=0, data=b"{", sections_done=0, sections=9))
    assert exporting.make_next() is False, "it is being made"

    clock.shift(seconds=stored.LEASE.total_seconds() + 1)
    assert exporting.make_next() is True

    for late in (
        lambda: accounts.add_part(lost, number=99, data=b"}", sections_done=9, sections=9),
        lambda: accounts.finish_export(lost),
    ):
        with pytest.raises(ExportEnded):
            command(late)
    document = json.loads(b"".join(downloaded(visitor(alice)).streaming_content))
    assert document["complete"] is True


def test_after_five_attempts_it_has_failed_and_can_be_asked_for_again(alice: User, clock: Clock) -> None:
    client = asked(alice)
    for _ in range(stored.MOST_ATTEMPTS):
        assert command(accounts.claim_export) is not None
        clock.shift(seconds=stored.LEASE.total_seconds() + 1)

    assert command(accounts.claim_export) is None

    client = visitor(alice)
    assert "The file could not be made" in page_of(client)
    send(client, page_of(client), ASK)
    exporting.make_next()
    assert "Ready: " in page_of(client)


def test_an_erasure_deletes_the_file_and_stops_who_makes_one(
    alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(alice)
    exporting.make_next()
    asked(alice)
    command(lambda: accounts.ask_erasure(user_id=alice.pk, actor=alice))
    monkeypatch.setattr(own_data, "CHUNK_BYTES", 64)

    def erased_meanwhile(number: int) -> None:
        if number == 1:
            erase_due()
            clock.shift(seconds=61)
            assert erase_due() == 1

    after_each_part(monkeypatch, erased_meanwhile)
    assert exporting.make_next() is True

    assert not ExportPart.objects.exists()
    assert set(Export.objects.values_list("state", flat=True)) == {"gone"}
    assert mail.outbox == []


def test_a_download_that_the_end_overtakes_is_cut_off(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_data, "CHUNK_BYTES", 64)
    asked(alice)
    exporting.make_next()
    size, pieces = accounts.export_file(alice.pk)
    got = len(next(pieces))

    ExportPart.objects.all().delete()

    with pytest.raises(Exception, match="There is no such file any more"):
        got += sum(len(piece) for piece in pieces)
    assert got < size
