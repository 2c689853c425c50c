"""Requests that are refused before any rule: both servers answer the same, to the letter."""

import random
from collections.abc import Iterator

import pytest

from accounts.models import User
from accounts.tokens import issue
from core.ids import NIL, new_id
from tests.equality.servers import Pair, Sent, signed
from tests.hostile.raw import VALUES
from tests.world import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
SPIN = "/api/v1/slot-machine/spin"
BUY = f"/api/v1/menus/items/{new_id()}/purchase"
BODIES = {SPIN: b'{"betAmount": 100}', BUY: b'{"expectedPrice": 40}'}


@pytest.fixture
def user() -> User:
    return person(points=1_000, tokens=1_000)


@pytest.fixture
def token(user: User) -> str:
    return issue(user).access


@pytest.mark.parametrize("path", [SPIN, BUY], ids=["spin", "purchase"])
def test_methods_media_types_keys_and_tokens(pair: Pair, token: str, path: str) -> None:
    good = BODIES[path]
    expected: dict[int, list[Sent]] = {
        401: [
            Sent(path=path, body=good),
            *[
                Sent(path=path, body=good, headers=signed(token, Authorization=wrong))
                for wrong in (
                    "Bearer", "Bearer ", "Bearer x.y.z", f"Token {token}", token, f"Bearer {token}x",
                    f"Bearer {token[:-4]}AAAA", f"Bearer {token} {token}",
                )
            ],
            Sent(method="PUT", path=path, body=good),
        ],
        405: [Sent(method=method, path=path, headers=signed(token)) for method in ("GET", "PUT", "DELETE", "PATCH")],
        406: [
            Sent(path=path, body=good, headers=signed(token, Accept=wrong))
            for wrong in ("text/html", "image/*", "application/xml;q=0.9")
        ],
        415: [
            Sent(path=path, body=good, headers=signed(token, **{"Content-Type": wrong}))
            for wrong in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data")
        ],
        400: [
            *[Sent(path=path, body=wrong, headers=signed(token)) for wrong in hostile_bodies()],
            *[
                Sent(path=path, body=good, headers=signed(token, **{"Idempotency-Key": wrong}))
                for wrong in (None, "", "short", "a" * 129, "with space", "ünicode-key", b"\xff" * 10, "a,b,c,d,e,f")
            ],
        ],
    }  # fmt: skip

    for status, requests in expected.items():
        answers = pair.same(*requests)
        assert {answer.status for answer in answers} == {status}, [a for a in answers if a.status != status]


def hostile_bodies() -> Iterator[bytes]:
    yield from (b"", b"[]", b"null", b"1", b'"x"', b"{", b'{"a":1,"a":1}', b"[" * 40, b'{"betAmount":1e999}', b"\xff")
    yield from (b'{"unknown": 1}', b'{"betAmount": NaN}', b"\xef\xbb\xbf{}", b'{"betAmount": "\\ud800"}')
    for name in ("betAmount", "expectedPrice"):
        for value in (b'"1"', b"true", b"null", b"1.5", b"-1", b"0", b"[]", b"{}", b"1" * 400, b"1e2", b"01"):
            yield b'{"%s": %s}' % (name.encode(), value)


@pytest.mark.parametrize("path", [SPIN, BUY], ids=["spin", "purchase"])
def test_bodies_that_are_too_large_or_come_in_chunks(pair: Pair, token: str, path: str) -> None:
    large = b'{"betAmount": 100, "x": "' + b"x" * 1_100_000 + b'"}'
    chunked = {"Transfer-Encoding": "chunked"}

    too_large = pair.same(
        Sent(path=path, body=large, headers=signed(token)),
        Sent(path=path, body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large), headers=signed(token) | chunked),
    )
    wrong = pair.same(
        Sent(path=path, body=b"2\r\n[]\r\n0\r\n\r\n", headers=signed(token) | chunked),
        Sent(path=path, body=b"0\r\n\r\n", headers=signed(token) | chunked),
    )

    assert [answer.status for answer in too_large] == [413, 413]
    assert [answer.status for answer in wrong] == [400, 400]


def test_generated_requests_of_which_one_thing_or_more_is_wrong(pair: Pair, token: str) -> None:
    """Three hundred, of hostile bytes in any header, in the body, in the query and in the path."""
    source = random.Random(15)
    names = ["Accept", "Authorization", "Content-Type", "Idempotency-Key", "Cookie", "Origin", "X-Forwarded-Proto"]
    names += ["X-Request-Id", "Accept-Language", "Idempotency_Key", "X-HTTP-Method-Override", "HX-Request", "If-Match"]
    clean = [value for value in VALUES if b"\r" not in value and b"\0" not in value and b"\x1b" not in value]

    def made() -> Sent:
        path = source.choice([SPIN, BUY, f"/api/v1/menus/items/{NIL}/purchase", "/api/v1/menus/items/x/purchase"])
        headers = signed(token, **{"Idempotency-Key": "short"})  # whatever else is right, this is not
        for name in source.sample(names, source.randint(0, 3)):
            headers[name] = source.choice(clean).strip()
        if headers["Idempotency-Key"] != "short":
            headers["Idempotency-Key"] = source.choice(["", "x", "a b c d e f g", "ä" * 9])
        body = source.choice([b"{}", *BODIES.values(), *hostile_bodies(), source.choice(clean)])
        return Sent(path=path + source.choice(["", "", "?x=1", "?format=xml", "/"]), body=body, headers=headers)

    answers = pair.same(*[made() for _ in range(300)])

    assert {answer.status for answer in answers} >= {400, 401, 404, 406, 415}
    assert all(400 <= answer.status < 500 for answer in answers)


@pytest.mark.parametrize("name", ["X-Demo-Region", "User-Agent", "X-Forwarded-For"])
def test_hostile_values_of_what_says_where_a_request_comes_from(pair: Pair, token: str, name: str) -> None:
    clean = [value.strip() for value in VALUES if b"\r" not in value and b"\0" not in value and b"\x1b" not in value]
    bet = b'{"betAmount": 101}'

    answers = pair.same(*[Sent(body=bet, headers=signed(token) | {name: value}) for value in clean])

    reached = 451 if name == "X-Demo-Region" else 422  # a region that is none is unknown
    assert reached in {answer.status for answer in answers} <= {400, reached}


def test_other_addresses_and_methods_are_answered_too(pair: Pair, token: str) -> None:
    head, options, page = pair.same(
        Sent(method="HEAD", path="/livez", body=b""),
        Sent(method="OPTIONS", path=SPIN, body=b"", headers={"Origin": "https://evil.example"}),
        Sent(method="GET", path="/api/v1/slot-machine/config", body=b"", headers=signed(token)),
    )

    assert (head.status, head.body, options.status, page.status) == (200, b"", 401, 200)
