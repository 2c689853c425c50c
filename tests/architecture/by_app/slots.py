"""Of slots."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from accounts.models import Role
from slots.tests.factories import table
from tests import world
from tests.architecture.asking import ApiRequest, World, done

DRAFT, STEP = "/admin/slot-machine/config", "/admin/slot-machine/config/{paytable_id}/"


def rules() -> dict[str, Any]:
    return {"table": table(), "declaredRtp": "19/20"}


def paytable(*steps: str) -> ApiRequest:
    """The next step of a new paytable, by a second person."""
    made = done(ApiRequest(world.staff(Role.GAMES), body=rules()).send("POST", DRAFT))
    request = ApiRequest(world.staff(Role.GAMES), {"paytable_id": UUID(made["id"])}, {"reason": "checked"})
    for step in steps:
        done(request.send("PUT", STEP + step))
    return request


REQUESTS: dict[str, Callable[[World], ApiRequest]] = {
    "GET /slot-machine/history 200": lambda w: ApiRequest(w.alice, w.spin()),
    "GET /slot-machine/config 200": lambda w: ApiRequest(w.alice),
    "GET /slot-machine/rate-limit 200": lambda w: ApiRequest(w.alice),
    "GET /slot-machine/fairness 200": lambda w: ApiRequest(w.alice),
    "GET /slot-machine/spins/{spin_id} 200": lambda w: ApiRequest(w.alice, w.spin()),
    "POST /slot-machine/reality-check 200": lambda w: ApiRequest(w.alice, w.spin()),
    "POST /slot-machine/spin 200": lambda w: ApiRequest(w.alice, body={"betAmount": 100}),
    "GET /admin/slot-machine/configs 200": lambda w: ApiRequest(world.staff(Role.GAMES)),
    "GET /admin/slot-machine/stats 200": lambda w: ApiRequest(world.staff(Role.GAMES), w.spin()),
    "POST /admin/slot-machine/config 201": lambda w: ApiRequest(world.staff(Role.GAMES), body=rules()),
    "PUT /admin/slot-machine/config/{paytable_id}/approve 200": lambda w: paytable(),
    "PUT /admin/slot-machine/config/{paytable_id}/activate 200": lambda w: paytable("approve"),
    "PUT /admin/slot-machine/config/{paytable_id}/retire 200": lambda w: paytable("approve", "activate"),
}
