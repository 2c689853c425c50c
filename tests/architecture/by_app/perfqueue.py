"""Of perfqueue."""

from collections.abc import Callable
from uuid import UUID

from tests import world
from tests.architecture.asking import ApiRequest, World

REQUESTS: dict[str, Callable[[World], ApiRequest]] = {
    "GET /performer 200": lambda w: ApiRequest(None, w.own),
    "GET /performer/{performer_id} 200": lambda w: ApiRequest(None, w.own),
    "GET /performer/{performer_id}/queue 200": lambda w: ApiRequest(w.alice, w.queue()),
    "GET /performer/{performer_id}/queue/settings 200": lambda w: ApiRequest(w.ruby, w.own),
    "GET /performer/{performer_id}/blocks 200": lambda w: ApiRequest(w.ruby, w.own, w.blocked()),
    "GET /queue/items 200": lambda w: ApiRequest(w.alice, w.queue()),
    "GET /queue/items/{item_id} 200": lambda w: ApiRequest(w.alice, w.head()[1]),
    "GET /admin/queue/items 200": lambda w: ApiRequest(w.support, w.queue()),
    "GET /admin/queue/refunds/{run_id} 200": lambda w: ApiRequest(w.support, w.run()),
    "GET /escrow/holds/{hold_id} 200": lambda w: ApiRequest(w.arcade, {"hold_id": UUID(w.held())}),
    **{
        f"POST /performer/{{performer_id}}/queue/{command} 200": lambda w: ApiRequest(w.ruby, w.queue())
        for command in ("open", "close", "pause", "resume")
    },
    "PATCH /performer/{performer_id}/queue/settings 200": lambda w: ApiRequest(w.ruby, w.own, {"maxDepth": 20}),
    "POST /performer/{performer_id}/blocks 200": lambda w: ApiRequest(
        w.ruby, w.own, {"userId": str(world.person().pk)}
    ),
    "DELETE /performer/{performer_id}/blocks 200": lambda w: ApiRequest(
        w.ruby, w.own, query=f"?userId={w.blocked()['userId']}"
    ),
    "POST /performer/{performer_id}/presence 200": lambda w: ApiRequest(w.ruby, w.own, {"state": "streaming"}),
    "POST /queue/items/{item_id}/start 200": lambda w: ApiRequest(*w.head()),
    "POST /queue/items/{item_id}/finish 200": lambda w: ApiRequest(
        *w.started(), {"settleTokens": 61, "reason": "short"}
    ),
    "POST /queue/items/{item_id}/abandon 200": lambda w: ApiRequest(*w.started()),
    "POST /queue/items/{item_id}/refund 200": lambda w: ApiRequest(*w.head()),
    "POST /queue/items/{item_id}/leave 200": lambda w: ApiRequest(w.alice, w.head()[1]),
    "POST /queue/intake 201": lambda w: w.intake(),
    "POST /admin/queue/items/{item_id}/refund 200": lambda w: ApiRequest(w.support, w.head()[1], {"reason": "no"}),
    "POST /admin/queue/items/{item_id}/resolve 200": lambda w: ApiRequest(w.support, w.reviewed(), {"reason": "no"}),
    "POST /admin/queue/refunds 200": lambda w: w.refunds(2, dryRun=True),
    "POST /admin/queue/refunds 202": lambda w: w.refunds(51),
    "POST /escrow/holds 201": lambda w: ApiRequest(w.arcade, body=w.hold()),
}
