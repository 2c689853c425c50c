"""Of accounts."""

from collections.abc import Callable

from tests.architecture.asking import PASSWORD, ApiRequest, World

REQUESTS: dict[str, Callable[[World], ApiRequest]] = {
    "POST /auth/token 200": lambda w: ApiRequest(None, body={"username": w.alice.username, "password": PASSWORD}),
    "POST /auth/token/refresh 200": lambda w: ApiRequest(None, body=w.refresh()),
    "POST /auth/token/revoke 200": lambda w: ApiRequest(None, body=w.refresh()),
}
