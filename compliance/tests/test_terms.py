"""The terms: reading the version in force, and accepting it."""

from hashlib import sha256
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from compliance.models import TermsAcceptance
from compliance.services import current_terms_version
from slots.tests.factories import post_spin
from tests.racing import race
from tests.world import client_of, new_terms, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return person("alice", points=1_000)


def spin(user: User) -> Any:
    return post_spin(client_of(user))


def accept(user: User, version: int) -> Any:
    return client_of(user).post("/api/v1/terms/accept", {"version": version}, format="json")


def test_the_terms_in_force_are_shown_with_their_digest(alice: User) -> None:
    first = client_of(alice).get("/api/v1/terms").json()

    assert (first["version"], first["accepted"]) == (1, True)
    assert first["digest"] == sha256(first["text"].encode()).hexdigest()
    assert new_terms() == 2
    later = client_of(alice).get("/api/v1/terms").json()
    assert (later["version"], later["accepted"]) == (2, False)


def test_a_new_version_bars_spins_until_it_is_accepted(alice: User) -> None:
    new_terms()
    refused = spin(alice).json()["error"]
    assert (refused["code"], refused["details"]) == ("TERMS_NOT_ACCEPTED", {"version": 2})

    old = accept(alice, 1)
    assert (old.status_code, old.json()["error"]["code"]) == (409, "TERMS_OUTDATED")
    assert old.json()["error"]["details"] == {"version": 2}

    done = accept(alice, 2)
    assert (done.status_code, done.json()["accepted"]) == (200, True)
    alice.refresh_from_db()
    assert client_of(alice).get("/api/v1/me").json()["termsAccepted"]
    assert spin(alice).status_code == 200


def test_accepting_twice_or_at_once_is_once(alice: User) -> None:
    new_terms()

    assert [each.status_code for each in race(*[lambda: accept(alice, 2)] * 4)] == [200] * 4
    assert TermsAcceptance.objects.filter(user=alice).values_list("version_id", flat=True).get() == 2


def test_everybody_who_is_signed_in_may_accept() -> None:
    ruby = performer()
    new_terms()

    assert accept(ruby, 2).status_code == 200


def test_a_demo_publishes_one_more_version_by_a_command(alice: User, settings: Any, capsys: Any) -> None:
    def text() -> Any:
        return client_of(alice).get("/api/v1/terms").json()["text"]

    first = text()
    call_command("demo_terms", "--next")
    assert "version 2" in text()
    call_command("demo_terms", "--reset")
    assert text() == first
    assert "Version 3 of the terms is in force." in capsys.readouterr().out

    settings.RELAXED = False
    with pytest.raises(CommandError):
        call_command("demo_terms", "--next")
    assert current_terms_version() == 3
