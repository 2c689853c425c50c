"""The document with one's own data: complete, only one's own, in pieces."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import models
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from core import own_data as pages
from tests import world
from tests.hostile.asking import song_of
from xxxchat import own_data

pytestmark = pytest.mark.django_db(transaction=True)
OTHERS = "another person's doing, or a member of staff's"
MACHINE = "read by machines only, ids and codes, deleted by age"
WITHIN = {
    "escrow.Wallet.owner": "wallets, with escrow.Entry.wallet",
    "slots.Spin.performer_id": "spins: in whose room it was is a column of the player's",
    "slots.SpinIntent.performer_id": "spinIntents: in whose room it was is a column of the player's",
}
"""Columns whose rows are in a section under another column."""
NOT_EXPORTED = {
    "admin.LogEntry.user": OTHERS,
    "token_blacklist.OutstandingToken.user": "a token's id, without its text; `sessions` has each family",
    "core.IdempotencyKey.caller": MACHINE,
    "accounts.User_groups.user": "not used: roles decide",
    "accounts.User_user_permissions.user": "not used: roles decide",
    "accounts.ServiceAccount.user": "no person",
    "accounts.UsedCode.user": MACHINE,
    "accounts.Erasure.actor": OTHERS,
    "live.EventRow.room": MACHINE,
    "live.EventRow.recipient": MACHINE,
    "live.MessageTemplate.author": OTHERS,
    "escrow.Hold.payee": "the payer's; what a performer earned is in `entries`",
    "escrow.Operation.actor": "`entries` has each operation of one's wallets",
    "escrow.Payout.decided_by": OTHERS,
    "escrow.Approval.requested_by": OTHERS,
    "escrow.Approval.decided_by": OTHERS,
    "escrow.Freeze.frozen_by": OTHERS,
    "escrow.Freeze.thawed_by": OTHERS,
    "compliance.LimitChange.actor": OTHERS,
    "compliance.AgeCase.decided_by": OTHERS,
    "compliance.AgeDecision.actor": OTHERS,
    "compliance.Break.actor": OTHERS,
    "compliance.Marker.closed_by": OTHERS,
    "compliance.PolicyVersion.author": OTHERS,
    "compliance.Terms.published_by": OTHERS,
    "loyalty.Link.unlinked_by": OTHERS,
    "loyalty.ReconciliationRun.after_user": "a place in a run, not about the person",
    "perfqueue.Block.user": "a performer's decision about somebody, which is hers",
    "perfqueue.QueueItem.performer": "the buyer's; what a performer earned is in `entries`",
    "perfqueue.Transition.actor": "`queueItems` has the times of each item",
    "perfqueue.Run.actor": OTHERS,
    "menus.Purchase.performer": "the buyer's",
    "slots.Paytable.created_by": OTHERS,
    "slots.Paytable.approved_by": OTHERS,
    "slots.PaytableStep.actor": OTHERS,
    "slots.Reopening.asked_by": OTHERS,
    "slots.ReviewRequest.asked": OTHERS,
    "slots.ReviewRequest.asked_by": OTHERS,
    "slots.Reopening.decided_by": OTHERS,
}
PERSONAL_WORDS = ("user", "actor", "author", "caller", "performer", "recipient", "room", "owner", "_by")


def personal_columns() -> Iterator[str]:
    """Every column that names a person: foreign keys to accounts, and plain ids whose name says so."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            is_key = getattr(field, "related_model", None) is User
            is_id = isinstance(field, models.UUIDField) and not field.primary_key and field.related_model is None
            if is_key or (is_id and any(word in field.name for word in PERSONAL_WORDS)):
                yield f"{model._meta.label}.{field.name}"


def read(user: User) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(b"".join(piece.data for piece in own_data.document(user)))
    return document


def test_every_column_that_names_a_person_is_exported_or_says_why_not() -> None:
    exported = {section.column for section in own_data.sections(world.person())}
    columns = set(personal_columns())

    assert columns - exported - set(NOT_EXPORTED) - set(WITHIN) == set(), "neither exported nor explained"
    assert set(NOT_EXPORTED) - columns == set(), "explained, but there is no such column"
    assert set(NOT_EXPORTED) & exported == set()


def test_the_document_has_what_somebody_did_and_nobody_elses_rows() -> None:
    ruby = world.performer("ruby")
    alice, bob = (world.person(name, tokens=500, points=1_000) for name in ("alice", "bob"))
    for buyer in (alice, bob):
        world.buy(buyer, ruby, 30)

    document = read(alice)

    assert document["complete"] is True
    assert document["account"][0]["username"] == "alice"
    assert {wallet["currency"] for wallet in document["wallets"]} == {"TOKEN", "POINT"}
    assert [(hold["amount"], hold["status"]) for hold in document["holds"]] == [(30, "HELD")]
    assert len(document["queueItems"]) == 1
    assert sum(entry["d_available"] for entry in document["entries"] if entry["currency"] == "TOKEN") == 470
    text = json.dumps(document)
    assert str(bob.pk) not in text
    assert "bob" not in text


def test_secrets_are_in_no_document() -> None:
    alice = world.person("alice", points=1_000)
    User.objects.filter(pk=alice.pk).update(password=make_password("a-password-of-this-test"))

    text = json.dumps(read(User.objects.get(pk=alice.pk)))

    assert not any(word in text for word in ("pbkdf2", "argon2", "md5$", "sealed_seed", "session_key", '"password"'))


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.ADMIN])
def test_staff_without_wallets_can_read_their_own_too(role: Role) -> None:
    assert read(world.staff(role))["complete"] is True


def test_rows_are_read_page_by_page_and_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_ROWS", 2)
    monkeypatch.setattr(own_data, "CHUNK_BYTES", 64)
    ruby, alice = world.performer("ruby", user_cap=5), world.person("alice", tokens=500)
    for _ in range(5):
        world.buy(alice, ruby, 10)

    pieces = list(own_data.document(alice))

    document = json.loads(b"".join(piece.data for piece in pieces))
    assert len(pieces) > 10
    assert [piece.done for piece in pieces] == sorted(piece.done for piece in pieces)
    assert pieces[-1].done == pieces[-1].sections == len(document) - 4
    assert len({hold["id"] for hold in document["holds"]}) == len(document["holds"]) == 5


def test_notes_are_in_the_document() -> None:
    alice, ruby = world.person("alice", tokens=500), world.performer("ruby")
    song = song_of(ruby, price=20)
    form = {"idempotency_key": "a-key-of-this-test", "expected_price": "20", "note": "A waltz"}
    visited = Client()
    visited.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    visited.post(reverse("ask", args=[ruby.pk, song.pk]), form)

    assert [purchase["note"] for purchase in read(alice)["purchases"]] == ["A waltz"]
