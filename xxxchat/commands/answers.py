"""Answers of batches with the headers that the ordinary endpoint's middleware puts on every answer."""

from typing import Any

from rest_framework.renderers import JSONRenderer

from core.envelope import STATUS, body_of, headers_of
from core.errors import DomainError
from core.idempotency import Answer
from xxxchat.commands.messages import Answered, Headers
from xxxchat.commands.ordinary import Wsgi, environ_of, respond

ONE_ANSWERS_OWN = {b"x-request-id", b"content-length", b"www-authenticate"}
REPLAYED = (b"idempotent-replayed", b"true")
SCHEMES: tuple[bytes | None, ...] = (None, b"http", b"https")


class CommonHeaders:
    """The headers of all answers, by what the proxy says of the request's scheme (`X-Forwarded-Proto`).

    They are learned once, from the ordinary application's refusal of a bad token. Where it does something else, such as
    redirect to HTTPS, there are none, and such requests are its own.
    """

    def __init__(self, application: Wsgi, host: str) -> None:
        self._by_scheme: dict[bytes | None, Headers] = {}
        for scheme in SCHEMES:
            asked = respond(application, environ_of(_badly_signed(host, scheme), b""))
            if asked.status == 401:
                self._by_scheme[scheme] = [each for each in asked.headers if each[0] not in ONE_ANSWERS_OWN]

    @property
    def any(self) -> Headers:
        """Those of one scheme or another: for a refusal that no middleware sees."""
        return next(iter(self._by_scheme.values()))

    def of(self, scheme: bytes | None) -> Headers | None:
        return self._by_scheme.get(scheme)


def _badly_signed(host: str, scheme: bytes | None) -> dict[str, Any]:
    headers: Headers = [(b"host", host.encode()), (b"authorization", b"Bearer of-nobody")]
    if scheme is not None:
        headers.append((b"x-forwarded-proto", scheme))
    return {"method": "POST", "path": "/api/v1/slot-machine/spin", "query_string": b"", "headers": headers}


def answered(outcome: Answer | DomainError, common: Headers, request_id: str) -> Answered:
    """Return the answer to an outcome."""
    headers = [*common, (b"x-request-id", request_id.encode())]
    if isinstance(outcome, Answer):
        status, body = outcome.status, outcome.body
        if outcome.replayed:
            headers.append(REPLAYED)
    else:
        status, body = STATUS[outcome.kind], JSONRenderer().render(body_of(outcome))
        headers += [(name.lower().encode(), value.encode()) for name, value in headers_of(outcome).items()]
    headers.append((b"content-length", str(len(body)).encode()))
    return Answered(status, headers, body, is_simple=True)
