"""Of loyalty. Links exist where points live in RedRoomRewards: their requests are sent while the stand-in is it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import override_settings

from core.ids import new_id
from loyalty.services.linking import start_link
from loyalty.services.signatures import signature
from loyalty.tests.linking.linked import PROOF, member, shared
from tests import world
from tests.architecture.asking import ApiRequest, World
from tests.standin import WEBHOOK_SECRET


@dataclass(frozen=True)
class RemoteRequest(ApiRequest):
    """A request that is sent while points live in the stand-in."""

    def send(self, method: str, path: str) -> HttpResponse:
        with remote():
            return super().send(method, path)


def remote() -> Any:
    """Settings for as long as a block: points live in the stand-in."""
    return override_settings(**shared().settings)


def _confirming(w: World) -> ApiRequest:
    user, joined = world.person(), member(shared())
    with remote():
        intent = start_link(user_id=user.pk)
    body = {"intentId": str(intent.id), "memberId": joined.member_id, "proof": {"method": "code", "assertion": PROOF}}
    return RemoteRequest(user, body=body)


def _event(w: World) -> ApiRequest:
    body = {"event_id": str(new_id()), "type": "POINTS_POSTED", "userId": str(w.alice.pk)}
    signed = signature(json.dumps(body).encode(), WEBHOOK_SECRET)
    return RemoteRequest(None, body=body, headers={"X-RRR-Signature": signed})


REQUESTS: dict[str, Callable[[World], ApiRequest]] = {
    "GET /wallet 200": lambda w: ApiRequest(w.alice),
    "GET /loyalty/link 200": lambda w: RemoteRequest(w.alice),
    "POST /loyalty/link 200": lambda w: RemoteRequest(world.person()),
    "POST /loyalty/link/confirm 200": _confirming,
    "POST /loyalty/webhook 200": _event,
}
