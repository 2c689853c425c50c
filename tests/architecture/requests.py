"""One request that succeeds for every endpoint, method and documented status of the API, by `METHOD path status`.

Those of an app stand in its module in `by_app`.
"""

from collections.abc import Callable

from tests import world
from tests.architecture.asking import ApiRequest, World
from tests.architecture.by_app import accounts, compliance, escrow, loyalty, menus, perfqueue, slots

APPS = (accounts, compliance, escrow, loyalty, perfqueue, menus, slots)
REQUESTS: dict[str, Callable[[World], ApiRequest]] = {name: made for app in APPS for name, made in app.REQUESTS.items()}


def brief(w: World) -> ApiRequest:
    """What somebody else sees of an item."""
    return ApiRequest(world.person(), w.head()[1])
