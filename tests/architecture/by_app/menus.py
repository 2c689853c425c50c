"""Of menus."""

from collections.abc import Callable

from menus.tests.factories import item_in, menu_of
from tests import world
from tests.architecture.asking import ApiRequest, World


def purchase(w: World) -> ApiRequest:
    return ApiRequest(w.alice, {"item_id": item_in(menu_of(world.performer())).pk}, {"expectedPrice": 40})


REQUESTS: dict[str, Callable[[World], ApiRequest]] = {
    "GET /performer/{performer_id}/menus 200": lambda w: ApiRequest(None, w.own),
    "GET /menus 200": lambda w: ApiRequest(None, w.own),
    "POST /menus/items/{item_id}/purchase 201": purchase,
}
