"""A request to the API, and people and rows for it to act upon."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse

import accounts.services
import escrow.services
from accounts.models import Role, Scope, User
from core.ids import new_id
from escrow.services.payments import signature
from escrow.tests.factories import finished, indebt
from menus.tests.factories import item_in, menu_of
from perfqueue.services import AbandonPolicy
from tests import world
from tests.architecture.document import BASE

PASSWORD = "words-that-nobody-guesses"
BIG = settings.FOUR_EYES_TOKENS + 1


@dataclass(frozen=True)
class ApiRequest:
    """A request: who sends it, the ids of its path, its body and its query."""

    actor: User | None
    ids: Mapping[str, object] = field(default_factory=dict)
    body: Any = field(default_factory=dict)
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str) -> HttpResponse:
        client = world.client_of(self.actor)
        client.raise_request_exception = False
        address = f"{BASE}{path.format(**self.ids)}{self.query}"
        sent = json.dumps(self.body) if method != "GET" else ""
        headers = world.key() | self.headers
        return client.generic(method, address, sent, headers.pop("Content-Type", "application/json"), headers=headers)

    def adding(self, headers: dict[str, str]) -> "ApiRequest":
        return replace(self, headers=self.headers | headers)

    def by(self, actor: User | None) -> "ApiRequest":
        return replace(self, actor=actor)

    def naming(self, row: str) -> "ApiRequest":
        return replace(self, ids=dict.fromkeys(self.ids, row))

    def with_body(self, body: Any) -> "ApiRequest":
        return replace(self, body=body)


class World:
    """People with money, and rows for each request to act upon."""

    @cached_property
    def ruby(self) -> User:
        ruby = world.performer("ruby", user_cap=10)
        item_in(menu := menu_of(ruby), title="Requests", price=None, duration_s=None)
        item_in(menu, title="Later", price=50, parent_id=item_in(menu, title="Songs", price=None, duration_s=None).pk)
        self.earn(ruby, BIG * 3)
        return ruby

    @cached_property
    def alice(self) -> User:
        alice = world.person("alice", tokens=BIG * 9, points=1_000)
        alice.set_password(PASSWORD)
        alice.save()
        return alice

    @cached_property
    def finance(self) -> User:
        return world.staff(Role.FINANCE)

    @cached_property
    def other_finance(self) -> User:
        return world.staff(Role.FINANCE)

    @cached_property
    def support(self) -> User:
        return world.staff()

    @cached_property
    def arcade(self) -> User:
        arcade = world.person(role=Role.SERVICE)
        accounts.services.make_service_account(arcade, features=["arcade"], scopes=list(Scope), cap_per_user_day=1_000)
        return arcade

    def earn(self, performer: User, amount: int) -> None:
        hold_id = finished(self.alice, performer, amount, amount)
        escrow.services.close_many([escrow.services.Close(str(hold_id), hold_id, amount, 0)])

    def refresh(self) -> dict[str, str]:
        body = {"username": self.alice.username, "password": PASSWORD}
        return {"refresh": done(ApiRequest(None, body=body).send("POST", "/auth/token"))["refresh"]}

    def head(self, **settings: Any) -> tuple[User, dict[str, UUID]]:
        """A performer of her own with the head of her queue, bought by alice."""
        performer = world.performer(**settings)
        return performer, {"item_id": world.buy(self.alice, performer).pk}

    def started(self, **settings: Any) -> tuple[User, dict[str, UUID]]:
        performer, ids = self.head(**settings)
        done(ApiRequest(performer, ids).send("POST", "/queue/items/{item_id}/start"))
        return performer, ids

    def reviewed(self) -> dict[str, UUID]:
        performer, ids = self.started(abandon_policy=AbandonPolicy.REVIEW)
        done(ApiRequest(performer, ids).send("POST", "/queue/items/{item_id}/abandon"))
        return ids

    def queue(self) -> dict[str, UUID]:
        """Ruby's, with a started item and one that waits."""
        ids = {"performer_id": self.ruby.pk}
        if not done(ApiRequest(None, ids).send("GET", "/performer/{performer_id}/queue"))["nowPerforming"]:
            first = {"item_id": world.buy(self.alice, self.ruby).pk}
            done(ApiRequest(self.ruby, first).send("POST", "/queue/items/{item_id}/start"))
            world.buy(self.alice, self.ruby)
        return ids

    def blocked(self) -> dict[str, str]:
        blocked = {"userId": str(world.person().pk)}
        done(ApiRequest(self.ruby, self.own, blocked).send("POST", "/performer/{performer_id}/blocks"))
        return blocked

    @property
    def own(self) -> dict[str, UUID]:
        return {"performer_id": self.ruby.pk}

    def adjustment(self, amount: int, user: User | None = None) -> dict[str, Any]:
        user = user or self.alice
        return {"userId": str(user.pk), "currency": "TOKEN", "amount": amount, "reason": "sorry"}

    def debt(self, amount: int) -> dict[str, Any]:
        debtor = world.person()
        indebt(debtor, amount)
        return self.adjustment(amount, debtor)

    def deposit(self, amount: int) -> dict[str, Any]:
        (entry,) = escrow.services.recent_entries(
            world.person(tokens=amount).pk, escrow.services.Currency.TOKEN, limit=1
        )
        return {"operationId": str(entry.operation_id), "reason": "sorry"}

    def approval(self) -> dict[str, UUID]:
        found = done(ApiRequest(self.finance, body=self.adjustment(BIG)).send("POST", "/admin/grants"))
        return {"approval_id": UUID(found["approvalId"])}

    def payout(self, amount: int) -> dict[str, UUID]:
        asked = ApiRequest(self.ruby, self.own, {"amount": amount})
        return {"payout_id": UUID(done(asked.send("POST", "/performer/{performer_id}/payouts"))["id"])}

    def event(self) -> ApiRequest:
        escrow.services.make_packages([escrow.services.Offer("Pocket", 500, 499)])
        package = next(iter(escrow.services.packages()))
        body = {
            "eventId": "evt_1", "type": "order.paid", "orderId": "ord_1", "userId": str(self.alice.pk),
            "packageId": str(package.id), "amount": 500,
        }  # fmt: skip
        at = int(time.time())
        signed = signature(json.dumps(body).encode(), at, settings.PAYMENT_WEBHOOK_SECRETS[0])
        return ApiRequest(None, body=body, headers={"X-Payment-Signature": f"t={at},v1={signed}"})

    def hold(self) -> dict[str, Any]:
        return {
            "userId": str(self.alice.pk), "amount": 100, "currency": "TOKEN", "payee": "revenue", "reason": "a round",
            "sourceFeature": "arcade", "sourceEventId": "round-7",
        }  # fmt: skip

    def held(self) -> str:
        found: str = done(ApiRequest(self.arcade, body=self.hold()).send("POST", "/escrow/holds"))["id"]
        return found

    def intake(self) -> ApiRequest:
        key = str(new_id())
        body = {
            "idempotencyKey": key, "sourceFeature": "arcade", "sourceEventId": "round-7", "performerId": None,
            "userId": str(self.alice.pk), "escrowTransactionId": self.held(), "tokens": 100, "currency": "TOKEN",
            "title": "A dare", "fulfilment": "instant",
        }  # fmt: skip
        return ApiRequest(self.arcade, body=body, headers={"Idempotency-Key": key})

    def refunds(self, count: int, **more: Any) -> ApiRequest:
        ids = [str(new_id()) for _ in range(count)]
        return ApiRequest(self.support, body={"ids": ids, "reason": "sorry", **more})

    def run(self) -> dict[str, UUID]:
        return {"run_id": UUID(done(self.refunds(51).send("POST", "/admin/queue/refunds"))["runId"])}

    def spin(self) -> dict[str, UUID]:
        spun = done(ApiRequest(self.alice, body={"betAmount": 100}).send("POST", "/slot-machine/spin"))
        return {"spin_id": UUID(spun["spinId"])}


def done(answer: Any) -> Any:
    assert answer.status_code < 300, answer.content
    return answer.json()
