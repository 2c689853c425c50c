"""The age provider: what it decides is recorded, what it cannot waits for staff; it is asked outside transactions."""

import hmac
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from django.db import connection

from accounts.models import Role, User
from compliance import services as compliance
from compliance.models import AgeCase, AgeDate, AgeDecision
from compliance.providers import AgeAnswer, AgeProvider, AgeQuestion, Finding, NoAnswer, http
from compliance.providers.http import HttpProvider
from compliance.services import asking
from core.db import command
from tests import world
from tests.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "s" * 32
QUESTION = AgeQuestion(uuid4(), date(1994, 11, 3), 18)
SOUND = {"outcome": "verified", "reference": "8c1f-22", "reason": "Document agrees"}


def waiting(born: date) -> User:
    user = world.person()
    User.objects.filter(pk=user.pk).update(verified_at=None, date_of_birth=born)
    AgeCase.objects.create(user=user)
    return user


class Provider(AgeProvider):
    """Gives the answer it was made with, and records whether a transaction was open."""

    def __init__(self, answer: AgeAnswer | None) -> None:
        self.answer, self.asked, self.in_transaction = answer, 0, False

    def check(self, question: AgeQuestion) -> AgeAnswer:
        self.asked += 1
        self.in_transaction |= connection.in_atomic_block
        if self.answer is None:
            raise NoAnswer("away")
        return self.answer


def provider_with(monkeypatch: pytest.MonkeyPatch, answer: AgeAnswer | None) -> Provider:
    provider = Provider(answer)
    monkeypatch.setattr(asking, "provider", lambda: provider)
    return provider


@pytest.mark.parametrize(
    ("day", "state", "why"),
    [(1, "verified", "new"), (2, "rejected", "new"), (3, "pending", "no_answer"), (4, "pending", "unsure")],
)
def test_the_stand_in_decides_by_the_day(day: int, state: str, why: str) -> None:
    user = waiting(date(1994, 11, day))

    assert asking.ask_provider_of_new_cases() == 1

    case = AgeCase.objects.get(user=user)
    assert (case.state, case.why) == (state, why)
    assert (User.objects.get(pk=user.pk).verified_at is not None) is (state == "verified")
    assert asking.ask_provider_of_new_cases() == 0, "asked once"


def test_a_decision_is_recorded_with_its_words_and_dates_apart() -> None:
    user = waiting(date(1994, 11, 1))

    asking.ask_provider_of_new_cases()

    decision = AgeDecision.objects.get(user=user)
    assert (decision.by, decision.actor, decision.outcome) == ("provider", None, "verified")
    assert decision.reason.startswith("Document agrees (reference stand-in-")
    assert AgeDate.objects.get(decision=decision).new == date(1994, 11, 1)


def test_it_is_asked_with_no_transaction_open(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(date(1994, 11, 5))
    provider = provider_with(monkeypatch, AgeAnswer(Finding.VERIFIED, "r", "w"))

    asking.ask_provider_of_new_cases()

    assert (provider.asked, provider.in_transaction) == (1, False)


def test_nobody_under_eighteen_is_verified_whatever_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    user = waiting(date(2020, 1, 1))
    provider_with(monkeypatch, AgeAnswer(Finding.VERIFIED, "r", "w"))

    asking.ask_provider_of_new_cases()

    assert (AgeCase.objects.get(user=user).state, User.objects.get(pk=user.pk).verified_at) == ("pending", None)


def test_what_staff_decided_meanwhile_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    user, staff = waiting(date(1994, 11, 5)), world.staff(Role.SUPPORT)

    class Slow(Provider):
        def check(self, question: AgeQuestion) -> AgeAnswer:
            command(lambda: compliance.decide_age(user_id=user.pk, verified=False, reason="No", actor=staff))
            return super().check(question)

    provider = Slow(AgeAnswer(Finding.VERIFIED, "r", "w"))
    monkeypatch.setattr(asking, "provider", lambda: provider)

    asking.ask_provider_of_new_cases()

    assert AgeCase.objects.get(user=user).state == "rejected"
    assert [each.by for each in AgeDecision.objects.filter(user=user)] == ["staff"]


def test_two_rounds_at_once_decide_once() -> None:
    user = waiting(date(1994, 11, 1))

    race(asking.ask_provider_of_new_cases, asking.ask_provider_of_new_cases)

    assert AgeDecision.objects.filter(user=user).count() == 1


def over_http(respond: Callable[[httpx.Request], httpx.Response]) -> HttpProvider:
    transport = httpx.MockTransport(respond)
    return HttpProvider(url="https://ages.example/checks", secret=SECRET, transport=transport)


def test_the_question_is_signed_and_names_nobody() -> None:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=SOUND)

    assert over_http(respond).check(QUESTION) == AgeAnswer(Finding.VERIFIED, "8c1f-22", "Document agrees")
    body = seen[0].content
    at, signature = (part.split("=")[1] for part in seen[0].headers["X-Signature"].split(","))
    assert set(orjson.loads(body)) == {"caseId", "dateOfBirth", "minimumAge"}
    assert signature == hmac.new(SECRET.encode(), f"{at}.".encode() + body, "sha256").hexdigest()


@pytest.mark.parametrize(("status", "times"), [(500, 3), (503, 3), (429, 3), (400, 1), (302, 1)])
def test_it_is_asked_again_only_where_that_helps(monkeypatch: pytest.MonkeyPatch, status: int, times: int) -> None:
    monkeypatch.setattr(http, "PAUSE_S", 0)
    asked: list[int] = []

    def respond(_request: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(status, headers={"Location": "https://elsewhere.example"})

    with pytest.raises(NoAnswer):
        over_http(respond).check(QUESTION)
    assert len(asked) == times


def test_a_provider_that_is_away_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE_S", 0)

    def respond(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("away", request=request)

    with pytest.raises(NoAnswer):
        over_http(respond).check(QUESTION)


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"null", b"{}", {**SOUND, "outcome": "adult"}, {**SOUND, "reference": ""}, {**SOUND, "reason": "\0"},
     {**SOUND, "reason": 5}],
)  # fmt: skip
def test_an_answer_of_another_form_is_none(answer: Any) -> None:
    content = answer if isinstance(answer, bytes) else orjson.dumps(answer)

    with pytest.raises(NoAnswer):
        over_http(lambda _: httpx.Response(200, content=content)).check(QUESTION)
