"""What is plainly a request for a batch: everything that the ordinary endpoint would look at is as usual and right.

Anything else is not refused here. It is handed over: to a cookie, another media type, a header that comes twice, a body
with a fault or a token that does not hold, the ordinary endpoint has the answer.
"""

import time
from functools import lru_cache, partial
from typing import Any

from accounts.services import claims_of
from compliance.services import origin_of
from core.api import KEY
from core.batches import BatchedEndpoint, KeyedRequest
from core.errors import InvalidJson, Unauthenticated
from core.idempotency import fingerprint_of
from core.ids import new_id_text
from core.middleware import VALID_ID
from core.parsing import MAX_BODY_BYTES, loads
from xxxchat.commands.messages import Scope, peer_of, text_of

TOKENS_REMEMBERED = 16_384
BEARER = b"Bearer "
LOOKED_AT = frozenset({b"cookie", b"origin", b"transfer-encoding", b"access-control-request-method"})
"""Headers with which the ordinary endpoint does more than without."""
ACCEPTED = (b"", b"*/*", b"application/json")
JSON = (b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8")

claims = lru_cache(TOKENS_REMEMBERED)(claims_of)
"""Those of a token that was sound when it was read; whether it has expired is to be checked each time."""


def request_id_of(given: bytes) -> str:
    """Return the caller's request id if it is valid, else a new one."""
    text = given.decode("latin-1")
    return text if VALID_ID.match(text) else new_id_text()


def plain_headers(scope: Scope) -> dict[bytes, bytes] | None:
    """Return the headers of a POST whose headers alone leave nothing to refuse, but for token and key; else None."""
    if scope["method"] != "POST" or scope["query_string"] or b"%" in scope["raw_path"]:
        return None
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if len(headers) < len(scope["headers"]) or not LOOKED_AT.isdisjoint(headers) or b"_" in b"".join(headers):
        return None
    if headers.get(b"accept", b"") not in ACCEPTED or headers.get(b"content-type") not in JSON:
        return None
    return headers


def keyed_request(
    endpoint: BatchedEndpoint[Any], scope: Scope, headers: dict[bytes, bytes], body: bytes
) -> KeyedRequest[Any] | None:
    """Return the request of a caller with a sound token, a right key and an input that is plain; else None."""
    token, key = headers.get(b"authorization", b""), headers.get(b"idempotency-key", b"").decode("latin-1")
    path = scope["path"]
    matched = endpoint.path.fullmatch(path)
    if matched is None or not token.startswith(BEARER) or not KEY.match(key) or len(body) > MAX_BODY_BYTES:
        return None
    if headers.get(b"content-length", b"") != str(len(body)).encode():
        return None
    try:
        claimed = claims(token.removeprefix(BEARER).decode("ascii"))
        read = loads(body)
    except (UnicodeDecodeError, Unauthenticated, InvalidJson):
        return None
    if claimed.expires_at_s <= time.time() or not isinstance(read, dict):
        return None
    given = endpoint.plain(read, matched)
    if given is None:
        return None
    return KeyedRequest(
        caller_id=claimed.user_id,
        claims=claimed,
        key=key,
        fingerprint=fingerprint_of("POST", path, read),
        request_id=request_id_of(headers.get(b"x-request-id", b"")),
        origin=origin_of(header=partial(_header, headers), peer=peer_of(scope)),
        input=given,
    )


def _header(headers: dict[bytes, bytes], name: str) -> str | None:
    value = headers.get(name.encode())
    return None if value is None else text_of(value)
