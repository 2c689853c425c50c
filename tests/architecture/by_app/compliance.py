"""Of compliance."""

from collections.abc import Callable
from datetime import timedelta

from django.db.models import F

from accounts.models import Role
from compliance.models import Limit
from tests import world
from tests.architecture.asking import ApiRequest, World, done


def pending(w: World) -> ApiRequest:
    """A looser limit that has waited long enough."""
    user, looser = world.person(), {"currency": "TOKEN", "window": "24h"}
    for limit in (100, 200):
        done(ApiRequest(user, body=looser | {"limit": limit}).send("PUT", "/limits"))
    since = F("asked_at") - timedelta(hours=25)
    Limit.objects.update(asked_at=since, effective_at=since + timedelta(hours=24), confirm_by=since + timedelta(days=8))
    return ApiRequest(user, body=looser)


SEEN = {"reason": "Seen a document."}


def decided(w: World) -> ApiRequest:
    done(ApiRequest(w.support, {"user_id": w.alice.pk}, SEEN).send("POST", f"{VERIFICATIONS}/{{user_id}}/verify"))
    return ApiRequest(w.support)


def policy(w: World) -> ApiRequest:
    body = {"slots": True, "wheel": False, "minimumAge": 21, "reason": "A law."}
    return ApiRequest(world.staff(Role.GAMES), {"region": "NORTH"}, body)


def shown_policy(w: World) -> ApiRequest:
    sent = policy(w)
    done(sent.send("PUT", "/admin/compliance/policies/{region}"))
    return sent


VERIFICATIONS = "/admin/compliance/verifications"
REQUESTS: dict[str, Callable[[World], ApiRequest]] = {
    "GET /me 200": lambda w: ApiRequest(w.alice),
    "GET /limits 200": lambda w: ApiRequest(w.alice),
    "PUT /limits 200": lambda w: ApiRequest(w.alice, body={"currency": "POINT", "window": "24h", "limit": 2500}),
    "POST /limits/confirm 200": pending,
    "POST /time-out 200": lambda w: ApiRequest(world.person(), body={"duration": "24h"}),
    "POST /self-exclusion 200": lambda w: ApiRequest(world.person(), body={"duration": "6m"}),
    "GET /terms 200": lambda w: ApiRequest(w.alice),
    "POST /terms/accept 200": lambda w: ApiRequest(w.alice, body={"version": 1}),
    f"GET {VERIFICATIONS} 200": decided,
    f"POST {VERIFICATIONS}/{{user_id}}/verify 200": lambda w: ApiRequest(w.support, {"user_id": w.alice.pk}, SEEN),
    f"POST {VERIFICATIONS}/{{user_id}}/reject 200": lambda w: ApiRequest(
        w.support, {"user_id": world.person().pk}, SEEN
    ),
    "GET /admin/compliance/refusals 200": lambda w: ApiRequest(w.support),
    "GET /admin/compliance/exclusions 200": lambda w: ApiRequest(w.support),
    "GET /admin/compliance/limits 200": lambda w: ApiRequest(w.support, query=f"?userId={w.alice.pk}"),
    "GET /admin/compliance/policies/{region} 200": shown_policy,
    "PUT /admin/compliance/policies/{region} 200": policy,
}
