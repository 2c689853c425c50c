"""Bytes nobody should send, and a client that sends them to the WSGI application as a server would."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import IO, Any
from urllib.parse import quote_from_bytes

from django.conf import settings
from django.test import Client

from accounts.models import User
from core.ids import new_id

FORM = "application/x-www-form-urlencoded"
CSRF = "c" * 32
VALUES: tuple[bytes, ...] = (
    b"",
    b"\0",
    b"a\0b",
    b"\x1b[31m",
    b"\r\nX-Injected: 1",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # half a surrogate pair
    b"\xf0\x9f\xa6\x84",
    b"\xc0\xaf",
    "\u202e\u200b\ufeff".encode(),
    "\uff1d1+1".encode(),
    "\u0663".encode(),  # a digit, though not an ASCII one
    b"(",
    b"[a-",
    b"\\",
    b"%",
    b"%s%d%n{0.__class__}",
    b"' OR 1=1 --",
    b"-1",
    b"0",
    b"10000",
    b"99999999999999999999999",
    b"9" * 5_000,
    b"1e400",
    b"NaN",
    b"2026-13-45",
    b"0001-01-01T00:00:00+23:59",
    b"[]",
    b"{}",
    b"null",
    b"xyz",
    b"//evil.example/",
    b"javascript:alert(1)",
    b"../../../../etc/passwd",
    b"00000000-0000-0000-0000-000000000000",
    b"a" * 3_000,
)
COOKIES: tuple[bytes, ...] = (
    b'sessionid="\\000a"',
    b'sessionid="\\012"; sessionid=x',
    b"sessionid=\xff\xfe",
    b"sessionid=" + b"a" * 3_000,
    b"sessionid=a\x01b",
    b'csrftoken="\\000"',
    b"csrftoken=" + b"\xed\xa0\x80" * 8,
    b'messages="\\000"; theme="\\000"',
    b"messages=W1siX19qc29uX21lc3NhZ2UiLDBd; theme=\x7f",
    b'=; ==; ;;; "=\\"; \\',
    b'__proto__="\\777\\400"',
)
CHARSETS = (
    "hex",
    "rot13",
    "utf-7",
    "utf-16",
    "unicode_escape",
    "raw_unicode_escape",
    "idna",
    "zip",
    "\0",
    "",
    "x" * 999,
)
CONTENT_TYPES = (
    *(f"{kind}; charset={charset}" for charset in CHARSETS for kind in ("text/plain", FORM, "multipart/form-data")),
    *(f'multipart/form-data; boundary=x; charset="{charset}"' for charset in CHARSETS),
    "multipart/form-data",
    "multipart/form-data; boundary*=hex''x",
    "multipart/form-data; boundary*=nonsense''x",
    "multipart/form-data; boundary=\xff",
    'multipart/form-data; boundary="',
    "application/json; charset=utf-16",
    "application/json; charset*=hex'en'x",
    "\xff/\0",
    ";;;=;",
)
HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Content-Length",
    "Forwarded",
    "HX-Boosted",
    "HX-Current-URL",
    "HX-Request",
    "HX-Target",
    "HX-Trigger",
    "Host",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "Transfer-Encoding",
    "User-Agent",
    "X-CSRFToken",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-HTTP-Method-Override",
    "X-Payment-Signature",
    "X-Request-Id",
    "X-Requested-With",
)
HEADER_VALUES = tuple(
    value for value in VALUES if not {b"\0", b"\r", b"\n"} & {value[i : i + 1] for i in range(len(value))}
)
SHAPED = {  # values that have the form of the header's own
    "Authorization": (
        b"Bearer \xff.\xff.\xff",
        b"Bearer eyJhbGciOiJub25lIn0.e30.",
        b"Basic \xff",
        b"Bearer " + b"." * 99,
    ),
    "Content-Length": (b"9" * 5_000, b"-1", b"1e3", b"\xd9\xa3"),
    "Host": (b"evil.example:99999", b"[::1", b"a b", b"\xff", b"x" * 300, b"testserver:\xd9\xa3"),
    "If-Modified-Since": (b"Mon, 31 Feb 99999 99:99:99 GMT",),
    "If-None-Match": (b'W/"', b'"' * 500),
    "Last-Event-ID": (b"9" * 30 + b"-1", b"-", b"1-\xff"),
    "Origin": (b"null", b"http://[", b"http://\xff"),
    "Range": (b"bytes=" + b"9" * 5_000 + b"-", b"bytes=-"),
    "Referer": (b"http://[::1", b"https://\xff/"),
    "Transfer-Encoding": (b"chunked",),
    "X-Forwarded-For": (b"::ffff:%\xff, 1", b"," * 500),
}


@dataclass(frozen=True)
class Sent:
    """A request in bytes. `query` and `body` are already encoded."""

    method: str = "GET"
    path: bytes = b"/"
    query: bytes = b""
    body: bytes = b""
    content_type: str = ""
    cookies: bytes = b""
    headers: Mapping[str, bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        target = quote_from_bytes(self.path[:200]) + (f"?{self.query[:200].decode('latin-1')}" if self.query else "")
        more = {"body": self.body[:200], "type": self.content_type, "cookies": self.cookies[:99], **self.headers}
        return f"{self.method} {target} { ({name: value for name, value in more.items() if value}) }"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Somebody with a session, or nobody. Sends requests to `xxxchat.wsgi`, with a CSRF token that is right."""

    def __init__(self, user: User | None) -> None:
        self.user = user
        self.session = self._session()

    def send(self, sent: Sent, stream: IO[bytes] | None = None) -> Answer:
        """Send a request; `stream` is read in place of its body, whose length it declares."""
        answer = _answered(self._environ(sent) | {"wsgi.input": stream or BytesIO(sent.body)})
        if settings.SESSION_COOKIE_NAME in answer.headers.get("Set-Cookie", ""):  # signed out
            self.session = self._session()
        return answer

    def _session(self) -> bytes:
        if self.user is None:
            return b""
        client = Client()
        client.force_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}".encode()

    def _environ(self, sent: Sent) -> dict[str, Any]:
        cookies = [f"{settings.CSRF_COOKIE_NAME}={CSRF}".encode(), self.session, sent.cookies]
        headers = {
            "Cookie": b"; ".join(each for each in cookies if each),
            "Content-Length": str(len(sent.body)).encode() if sent.body else b"",
            "Content-Type": sent.content_type.encode("latin-1"),
            "Host": b"testserver",
            "Idempotency-Key": str(new_id()).encode(),
            "X-CSRFToken": CSRF.encode(),
            **sent.headers,
        }
        return {
            "REQUEST_METHOD": sent.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": sent.path.decode("latin-1"),
            "QUERY_STRING": sent.query.decode("latin-1"),
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            **{_variable(name): value.decode("latin-1") for name, value in headers.items() if value},
        }


def _variable(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


@cache
def _application() -> Any:
    """The product's own, made when the settings of the tests are in force."""
    return import_module("xxxchat.wsgi").application


def _answered(environ: dict[str, Any]) -> Answer:
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    with closing(_application()(environ, lambda status, headers: begun.append((status, headers)))) as response:
        body = b"".join(response)
    status, headers = begun[0]
    return Answer(int(status.split()[0]), dict(headers), body)


def pairs(fields: Iterable[tuple[str, bytes]]) -> bytes:
    """Encode a query string or a form."""
    return b"&".join(name.encode() + b"=" + quote_from_bytes(value, safe="").encode() for name, value in fields)


def multipart(fields: Iterable[tuple[str, bytes]], boundary: str = "x") -> bytes:
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in fields
    )
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


class Draw:
    """Hostile values in an order that is the same in each run: each is drawn before any is drawn again."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._decks: dict[object, Iterator[Any]] = {}

    def of(self, values: Iterable[Any]) -> Any:
        values = tuple(values)
        deck = self._decks.setdefault(values, iter(()))
        for value in deck:
            return value
        self._decks[values] = deck = iter(self._random.sample(values, len(values)))
        return next(deck)
