"""Paytables by staff: two people, every step with its record, one active at most."""

import json
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts.models import Role
from core.errors import ValidationFailed
from core.ids import new_id
from slots import services
from slots.errors import PaytableStepRefused
from slots.models import Paytable, PaytableStep
from slots.tests.factories import play, player, post_spin, table
from tests.hostile.asking import nothing_written
from tests.world import client_of, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/admin/slot-machine/"
OLD = [("cherry", 60, 150), ("lemon", 50, 200), ("orange", 40, 300), ("plum", 24, 500), ("bell", 16, 1_000),
       ("star", 6, 2_500), ("seven", 3, 5_000), ("diamond", 1, 10_000)]  # fmt: skip


@pytest.fixture
def games() -> APIClient:
    return client_of(staff(Role.GAMES))


def drafted(client: APIClient, rtp: Any = "19/20", **changes: Any) -> Any:
    return client.post(f"{API}config", {"table": table(**changes), "declaredRtp": rtp}, format="json")


def step(client: APIClient, paytable: str, name: str, **body: Any) -> Any:
    return client.put(f"{API}config/{paytable}/{name}", body, format="json")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def active() -> list[str]:
    return [str(pk) for pk in Paytable.objects.filter(status="active").values_list("pk", flat=True)]


def ready(client: APIClient) -> str:
    """A paytable that was approved."""
    made: str = drafted(client).json()["id"]
    assert step(client_of(staff(Role.ADMIN)), made, "approve").status_code == 200
    return made


def test_a_draft_is_computed_and_answered_exactly(games: APIClient) -> None:
    answer = drafted(games)

    made = answer.json()
    stored = Paytable.objects.get(pk=made["id"])
    assert answer.status_code == 201
    assert made == {
        "id": str(stored.pk),
        "digest": bytes(stored.digest).hex(),
        "status": "computed",
        "declaredRtp": "19/20",
        "par": {
            "rtp": "19/20",
            "hitFrequency": "483791/2000000",
            "variance": "51751/4000",
            "topAwardOdds": "1/8000000",
            "ldwTickets": 0,
        },
        "author": str(stored.created_by_id),
        "approver": None,
        "activatedAt": None,
    }
    listed = games.get(f"{API}configs").json()
    assert [row["status"] for row in listed["items"]] == ["computed", "active"]
    assert listed["items"][0] == made


def test_the_old_table_is_refused_with_what_it_really_returns(games: APIClient) -> None:
    symbols = [{"s": name, "w": weight, "x3": pay} for name, weight, pay in OLD]

    with nothing_written():
        answer = drafted(games, "0.95", symbols=symbols, pair=None, mixed=None)

    assert code(answer) == (422, "RTP_MISMATCH")
    assert answer.json()["error"]["details"] == {"declaredRtp": "19/20", "computedRtp": "88293/800000"}


@pytest.mark.parametrize(
    ("pay", "rtp", "status"), [(74, "0.74", 422), (75, "3/4", 201), (100, "1", 201), (101, "1.01", 422)]
)
def test_a_table_returns_75_to_100_percent(games: APIClient, pay: int, rtp: str, status: int) -> None:
    one = [{"s": "cherry", "w": 1, "x3": pay}]

    assert drafted(games, rtp, symbols=one, pair=None, mixed=None).status_code == status


def test_a_table_is_stored_once(games: APIClient) -> None:
    rules = table()
    body = {"table": rules, "declaredRtp": "19/20"}
    first = games.post(f"{API}config", body, format="json").json()
    again = games.post(f"{API}config", body, format="json")
    other = drafted(games, "19/20", code="classic-95-high", id=rules["id"], version=rules["version"])

    assert code(again) == code(other) == (409, "INVALID_TRANSITION")
    assert again.json()["error"]["details"] == {"paytableId": first["id"]}


def test_a_second_person_approves_and_activating_retires_the_other(games: APIClient) -> None:
    before, made = active()[0], drafted(games).json()["id"]

    assert code(step(games, made, "activate")) == (409, "INVALID_TRANSITION")
    assert code(step(games, made, "approve", reason="mine")) == (403, "SAME_APPROVER")
    second = staff(Role.ADMIN)
    approved = step(client_of(second), made, "approve", reason="counted").json()
    assert (approved["status"], approved["approver"]) == ("approved", str(second.pk))
    assert code(step(client_of(second), made, "approve")) == (409, "INVALID_TRANSITION")
    done = step(games, made, "activate", reason="new year").json()
    assert done["status"] == "active"
    assert done["activatedAt"]
    assert active() == [made]
    assert code(step(games, made, "activate")) == (409, "INVALID_TRANSITION")

    assert step(games, before, "activate").json()["status"] == "active"
    assert active() == [before]
    steps = PaytableStep.objects.filter(paytable_id=made).order_by("id")
    assert [(each.from_status, each.to_status, each.actor_id is None) for each in steps] == [
        ("", "draft", False), ("draft", "computed", False), ("computed", "approved", False),
        ("approved", "active", False), ("active", "retired", False),
    ]  # fmt: skip
    assert [each.reason for each in steps][2:] == ["counted", "new year", "Replaced by classic-95 v1"]


def test_retiring_the_active_table_closes_the_machine(games: APIClient) -> None:
    user, before = player(), active()[0]

    assert code(step(games, before, "retire")) == (400, "VALIDATION_FAILED")
    assert code(step(games, before, "retire", reason=" ")) == (400, "VALIDATION_FAILED")
    retired = step(games, before, "retire", reason="a flaw").json()

    assert (retired["status"], active()) == ("retired", [])
    assert code(post_spin(client_of(user))) == (503, "GAME_DISABLED")
    assert code(step(games, before, "retire", reason="again")) == (409, "INVALID_TRANSITION")
    assert code(step(games, str(new_id()), "retire", reason="again")) == (404, "NOT_FOUND")


def test_a_discarded_table_is_never_active(games: APIClient) -> None:
    made, author = ready(games), staff(Role.GAMES)

    with nothing_written(), pytest.raises(ValidationFailed):
        services.discard(paytable_id=UUID(made), reason=" ", actor=author)
    services.discard(paytable_id=UUID(made), reason="a slip", actor=author)

    with nothing_written():
        for name in ("approve", "activate"):
            assert code(step(games, made, name)) == (409, "INVALID_TRANSITION")
    with pytest.raises(PaytableStepRefused, match="retired"):
        services.discard(paytable_id=UUID(made), reason="again", actor=author)
    assert str(Paytable.objects.get(status="active").pk) != made


def test_a_spin_that_was_shown_another_table_is_refused(games: APIClient) -> None:
    user = player()
    old = play(user=user).spin.paytable_digest
    made = step(games, ready(games), "activate").json()

    refused: Any = post_spin(client_of(user), paytableDigest=old.hex())

    assert code(refused) == (409, "PAYTABLE_CHANGED")
    assert refused.json()["error"]["details"] == {"paytableDigest": made["digest"]}
    assert (
        play(user=player(), paytable_digest=bytes.fromhex(made["digest"])).spin.paytable_digest.hex() == made["digest"]
    )


@pytest.mark.parametrize("role", [Role.USER, Role.PERFORMER, Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
def test_other_roles_are_refused(role: str) -> None:
    client = client_of(person(role=role))

    assert client.get(f"{API}configs").status_code == (200 if role == Role.AUDITOR else 403)
    assert code(drafted(client)) == (403, "ROLE_NOT_ALLOWED")
    for name in ("approve", "activate", "retire"):
        assert code(step(client, active()[0], name, reason="x")) == (403, "ROLE_NOT_ALLOWED")


HOSTILE: dict[str, Any] = {
    "nothing": {}, "a list": [], "text": "table", "a number": 1, "null": None,
    **{f"without {name}": {name: None} for name in ("id", "version", "unit", "reels", "symbols")},
    "a float": {"version": 1.0}, "a huge number": {"version": 10**30}, "true": {"unit": True},
    "another bet": {"unit": 20, "symbols": [{"s": "cherry", "w": 1, "x3": 19}], "pair": None, "mixed": None},
    "a symbol that is text": {"symbols": ["cherry"]}, "a symbol without pay": {"symbols": [{"s": "cherry", "w": 1}]},
    "no symbol": {"symbols": []}, "symbols as an object": {"symbols": {"cherry": 1}},
    "10,000 symbols": {"symbols": [{"s": f"s{n}", "w": 1, "x3": 1} for n in range(10_000)]},
    "a huge weight": {"symbols": [{"s": "cherry", "w": 10**9, "x3": 1}]},
    "a huge pay": {"symbols": [{"s": "cherry", "w": 1, "x3": 10**12}]},
    "no picture": {"symbols": [{"s": "apple", "w": 1, "x3": 95}], "pair": None, "mixed": None},
    "a name that is a list": {"symbols": [{"s": ["cherry"], "w": 1, "x3": 1}]},
    "an unknown member": {"colour": "red"}, "pairs as a list": {"pair": ["cherry"]},
    "a pair of nothing": {"pair": {"x": 1}},
    "mixed without pay": {"mixed": {"of": ["star"]}}, "mixed of objects": {"mixed": {"of": [{}], "pay": 1}},
    "mixed twice": {"mixed": {"of": ["star", "star"], "pay": 1}}, "mixed as text": {"mixed": "star"},
    "a long id": {"id": "a" * 31}, "an odd id": {"id": "\ud800"},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_table_that_cannot_be_played_is_refused(games: APIClient, name: str) -> None:
    changes = HOSTILE[name]
    rules = table(**changes) if isinstance(changes, dict) and changes else changes

    with nothing_written():
        answer = games.generic(
            "POST", f"{API}config", json.dumps({"table": rules, "declaredRtp": "19/20"}), "application/json"
        )

    assert code(answer) == (400, "VALIDATION_FAILED")
    assert list(answer.json()["error"]["details"]) == ["table"]


@pytest.mark.parametrize(
    "rtp", [0.95, 1, None, "", "95 %", "1/0", "-1/2", "1e-1", "19 / 20", "٠", "9" * 19, ["19/20"], "nan"]
)
def test_a_declared_return_is_an_exact_share_as_text(games: APIClient, rtp: Any) -> None:
    answer = drafted(games, rtp)

    assert code(answer) == (400, "VALIDATION_FAILED")
    assert list(answer.json()["error"]["details"]) == ["declaredRtp"]


@pytest.mark.parametrize("text", ['{"table": NaN}', '{"table": {"id": "a", "id": "b"}}', "{" * 40])
def test_what_is_no_json_is_refused(games: APIClient, text: str) -> None:
    assert code(games.generic("POST", f"{API}config", text, "application/json")) == (400, "INVALID_JSON")


def test_pages_and_spins_do_with_a_table_without_pairs_and_mixed(games: APIClient, client: Any) -> None:
    """Three of each of two symbols pay, nothing else."""
    symbols = [{"s": "cherry", "w": 1, "x3": 380}, {"s": "star", "w": 1, "x3": 380}]
    made = drafted(games, "0.95", symbols=symbols, pair=None, mixed=None).json()
    step(client_of(staff(Role.ADMIN)), made["id"], "approve")
    step(games, made["id"], "activate")
    user = player()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get("/slots")
    config = client_of(user).get("/api/v1/slot-machine/config").json()
    spun: Any = post_spin(client_of(user))

    assert page.status_code == 200
    assert "Return exactly 19/20" in page.content.decode()
    assert {"pair", "mixed"}.isdisjoint(config["paytable"])
    assert [row["kind"] for row in config["odds"]] == ["three_cherry", "three_star"]
    assert spun.json()["result"]["payout"] in (0, 380)
    assert client.get("/slots/live").status_code == 200


def test_the_list_costs_one_statement_however_long(games: APIClient, django_assert_max_num_queries: Any) -> None:
    costs = []
    for _ in range(2):
        with django_assert_max_num_queries(10) as captured:
            games.get(f"{API}configs")
        costs.append(len(captured))
        for _ in range(3):
            drafted(games)

    assert costs[0] == costs[1]
