"""The order of answers: 401 → 405, 406, 415, 413, 400 body → 400 key → replay → 403 role → 404 → the gates."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Role, User
from core.ids import new_id
from core.parsing import MAX_BODY_BYTES
from tests.hostile.asking import code, nothing_written, send, song_of
from tests.world import buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Endpoint:
    """A keyed endpoint: who may call it, with what body, and which gate says no at the end."""

    path: str  # `{}` is the id
    found: Callable[[], str]
    right: Callable[[], User]
    wrong: Role
    body: str
    gate: tuple[int, str]
    unknown: tuple[int, str] = (404, "NOT_FOUND")


def second_in_queue() -> str:
    ruby = performer()
    buy(person(tokens=100), ruby)
    return str(buy(person(tokens=100), ruby).id)


def waiting() -> str:
    return str(buy(person(tokens=100), performer()).id)


ENDPOINTS = {
    "start": Endpoint(
        "queue/items/{}/start", second_in_queue, lambda: staff(Role.ADMIN), Role.USER, "{}", (409, "NOT_HEAD_OF_QUEUE")
    ),
    "finish": Endpoint("queue/items/{}/finish", waiting, performer, Role.AUDITOR, "{}", (403, "FORBIDDEN")),
    "leave": Endpoint("queue/items/{}/leave", waiting, person, Role.PERFORMER, "{}", (403, "FORBIDDEN")),
    "staff refund": Endpoint(
        "admin/queue/items/{}/resolve",
        waiting,
        staff,
        Role.FINANCE,
        '{"reason": "x"}',
        (409, "INVALID_TRANSITION"),
    ),
    "purchase": Endpoint(
        "menus/items/{}/purchase",
        lambda: str(song_of(performer()).pk),
        lambda: person(tokens=39),
        Role.SUPPORT,
        '{"expectedPrice": 40}',
        (402, "INSUFFICIENT_BALANCE"),
    ),
}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_of_several_faults_the_first_in_order_is_answered(name: str) -> None:
    """Everything is wrong at first; each answer names one fault, which the next request no longer has."""
    endpoint = ENDPOINTS[name]
    found, wrong, right = endpoint.found(), person(role=endpoint.wrong), endpoint.right()
    faults: dict[str, Any] = {
        "method": "PATCH",
        "Accept": "text/html",
        "content_type": "text/plain",
        "body": b"{" + b" " * MAX_BODY_BYTES,
        "key": None,
    }
    path = endpoint.path.format(new_id())

    with nothing_written():
        assert code(send(None, path, **faults)) == (401, "UNAUTHENTICATED")
        refused = send(wrong, path, **faults)
        assert code(refused) == (405, "METHOD_NOT_ALLOWED")
        assert refused.headers["Allow"] == "POST"
        del faults["method"]
        assert code(send(wrong, path, **faults)) == (406, "NOT_ACCEPTABLE")
        del faults["Accept"]
        assert code(send(wrong, path, **faults)) == (415, "UNSUPPORTED_MEDIA_TYPE")
        del faults["content_type"]
        assert code(send(wrong, path, **faults)) == (413, "BODY_TOO_LARGE")
        assert code(send(wrong, path, **faults | {"body": b"{"})) == (400, "INVALID_JSON")
        assert code(send(wrong, path, **faults | {"body": b'{"x": 1}'})) == (400, "VALIDATION_FAILED")
        faults["body"] = endpoint.body
        assert code(send(wrong, path, **faults)) == (400, "IDEMPOTENCY_KEY_REQUIRED")
        assert code(send(wrong, path, **faults | {"key": "short"})) == (400, "IDEMPOTENCY_KEY_REQUIRED")
        del faults["key"]
        assert code(send(wrong, path, **faults)) == (403, "ROLE_NOT_ALLOWED")
        assert code(send(right, path, **faults)) == endpoint.unknown
        assert code(send(right, endpoint.path.format("no-id"), **faults)) == endpoint.unknown
        assert code(send(right, endpoint.path.format(found), **faults)) == endpoint.gate


def test_a_replay_comes_before_the_role_and_the_gates() -> None:
    ruby, alice = performer(), person(tokens=100)
    path = f"queue/items/{buy(alice, ruby).id}/leave"
    first = send(alice, path, key="the-key-1")
    User.objects.filter(pk=alice.pk).update(role=Role.AUDITOR, verified_at=None, terms_version=0)
    now = User.objects.get(pk=alice.pk)

    assert send(now, path, key="the-key-1").content == first.content
    assert code(send(now, path, b'{"x": 1}', key="the-key-1")) == (400, "VALIDATION_FAILED")
    assert code(send(now, path, key="the-key-2")) == (403, "ROLE_NOT_ALLOWED")


def test_a_key_of_another_request_is_refused_before_the_role() -> None:
    ruby, alice = performer(), person(tokens=100)
    send(alice, f"queue/items/{buy(alice, ruby).id}/leave", key="the-key-1")
    User.objects.filter(pk=alice.pk).update(role=Role.AUDITOR)

    answer = send(User.objects.get(pk=alice.pk), f"queue/items/{new_id()}/leave", key="the-key-1")

    assert code(answer) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_the_spins_role_is_a_gate_that_is_written_down() -> None:
    """Before the gates everything is as everywhere; the role is the first gate, and its refusal is kept."""
    body, ruby = '{"betAmount": 100}', performer()
    cases: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"content_type": "text/plain", "key": None}, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ({"key": None}, (400, "IDEMPOTENCY_KEY_REQUIRED")),
        ({}, (403, "ROLE_NOT_ALLOWED")),
    ]

    with nothing_written(but=("compliance_refusal",)):
        for faults, expected in cases:
            assert code(send(ruby, "slot-machine/spin", body, **faults)) == expected


def test_a_missing_user_to_block_is_refused_before_the_role() -> None:
    alice, path = person(), f"performer/{performer().pk}/blocks"

    with nothing_written():
        for method in ("POST", "DELETE"):
            assert code(send(alice, path, method=method)) == (400, "VALIDATION_FAILED")
            assert code(send(alice, path, f'{{"userId": "{alice.pk}"}}', method=method)) == (403, "ROLE_NOT_ALLOWED")
        assert code(send(alice, f"{path}?userId={alice.pk}", method="POST")) == (400, "VALIDATION_FAILED")
        assert code(send(alice, f"{path}?userId={alice.pk}", method="DELETE")) == (403, "ROLE_NOT_ALLOWED")


NO_ID = "01890000-0000-7000-8000-000000000000"
PAYEES = ["nonsense", "", NO_ID.replace("-", ""), f"{{{NO_ID}}}", f"{NO_ID[:-1]}-", "\\ud800"]


@pytest.mark.parametrize("payee", PAYEES)
def test_a_payee_that_is_neither_an_id_nor_a_house_is_refused_before_the_key(payee: str) -> None:
    body = (
        f'{{"userId": "{new_id()}", "amount": 1, "currency": "TOKEN", "payee": "{payee}", "reason": "x",'
        ' "sourceFeature": "x", "sourceEventId": "x"}'
    )

    alice = person()

    with nothing_written():
        assert code(send(alice, "escrow/holds", body, key=None)) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("path", ["earnings", "payouts"])
def test_the_money_of_nobody_is_not_found_and_anothers_is_forbidden(path: str) -> None:
    ruby, jade, alice = performer(), performer(), person()
    finance = staff(Role.FINANCE)

    with nothing_written():
        for nobody in (new_id(), alice.pk):
            for asking in (jade, finance):
                found = send(asking, f"performer/{nobody}/{path}", method="GET")
                assert code(found) == (404, "NOT_FOUND")
        assert code(send(jade, f"performer/{ruby.pk}/{path}", method="GET")) == (403, "FORBIDDEN")
        assert send(finance, f"performer/{ruby.pk}/{path}", method="GET").status_code == 200
        asked = '{"amount": 1000}'
        assert code(send(jade, f"performer/{new_id()}/payouts", asked)) == (404, "NOT_FOUND")
        assert code(send(jade, f"performer/{ruby.pk}/payouts", asked)) == (403, "FORBIDDEN")


def test_an_event_that_nobody_signed_is_unauthenticated_however_large() -> None:
    large = b"{" + b" " * MAX_BODY_BYTES

    with nothing_written():
        for signature, expected in (
            ("", (401, "SIGNATURE_INVALID")),
            ("nonsense", (401, "SIGNATURE_INVALID")),
            ("t=1,v1=00", (401, "SIGNATURE_INVALID")),
            (f"t={int(time.time())},v1={'0' * 64}", (413, "BODY_TOO_LARGE")),
        ):
            assert code(send(None, "payments/webhook", large, X_Payment_Signature=signature)) == expected


@pytest.mark.parametrize("form", ["xml", "json", "api", "html"])
def test_an_address_has_no_format(form: str) -> None:
    alice = person()

    with nothing_written():
        assert send(alice, f"wallet?format={form}", method="GET").status_code == 200
        assert code(send(alice, f"slot-machine/spin?format={form}", b"{")) == (400, "INVALID_JSON")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_probes_are_read_by_get_only(path: str, method: str) -> None:
    client = APIClient(enforce_csrf_checks=True)

    assert client.generic(method, path).status_code == 405
