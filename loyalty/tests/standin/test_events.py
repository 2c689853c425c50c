"""Events to the product: what arrives, and how it is signed."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.standin import WEBHOOK_SECRET, StandIn
from xxxchat.stack import ports

PATH = "/api/v1/loyalty/webhook"


@dataclass
class Received:
    """What the product would get."""

    url: str = ""
    events: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def product() -> Iterator[Received]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.events.append((headers, self.rfile.read(int(headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer((ports.LOOPBACK, 0), Handler) as server:
        received.url = f"http://{ports.LOOPBACK}:{server.server_address[1]}{PATH}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield received
        server.shutdown()
        thread.join()


def signature(message: bytes) -> str:
    return hmac.new(WEBHOOK_SECRET.encode(), message, hashlib.sha256).hexdigest()


def test_an_event_is_signed_over_its_time_and_its_body(standin: StandIn, product: Received) -> None:
    answers = standin.steering.send_event(url=product.url, event={"type": "LINK_UPDATED", "userId": "u"})

    ((headers, body),) = product.events
    at = headers["x-rrr-timestamp"]
    assert answers == [{"status": 200, "body": "{}"}]
    assert abs(int(at) - time.time()) < 60
    assert headers["x-rrr-signature"] == signature(f"{at}.".encode() + body)
    event = json.loads(body)
    assert (event["type"], event["userId"], bool(event["event_id"])) == ("LINK_UPDATED", "u", True)


def test_an_event_without_a_time_is_signed_over_its_body(standin: StandIn, product: Received) -> None:
    standin.steering.send_event(url=product.url, ageSeconds=None)

    ((headers, body),) = product.events
    assert "x-rrr-timestamp" not in headers
    assert headers["x-rrr-signature"] == signature(body)


def test_an_old_event_is_rightly_signed_and_says_so(standin: StandIn, product: Received) -> None:
    standin.steering.send_event(url=product.url, ageSeconds=301)

    ((headers, body),) = product.events
    at = headers["x-rrr-timestamp"]
    assert int(at) <= time.time() - 301
    assert headers["x-rrr-signature"] == signature(f"{at}.".encode() + body)


@pytest.mark.parametrize("by", ["the command", "a fault"])
def test_a_wrong_signature_is_wrong_and_a_missing_one_missing(standin: StandIn, product: Received, by: str) -> None:
    if by == "a fault":
        standin.steering.fault("wrong_signature", count=1)
    standin.steering.send_event(url=product.url, **({} if by == "a fault" else {"signature": "wrong"}))
    standin.steering.send_event(url=product.url, signature="none")

    (wrong, body), (missing, _) = product.events
    assert wrong["x-rrr-signature"] != signature(f"{wrong['x-rrr-timestamp']}.".encode() + body)
    assert "x-rrr-signature" not in missing


@pytest.mark.parametrize("by", ["the command", "a fault"])
def test_a_duplicate_is_the_same_event_twice(standin: StandIn, product: Received, by: str) -> None:
    if by == "a fault":
        standin.steering.fault("duplicate", count=1, path="/webhook")
    answers = standin.steering.send_event(url=product.url, **({} if by == "a fault" else {"copies": 2}))

    first, second = product.events
    assert (len(answers), first) == (2, second)


def test_nobody_who_listens_is_said(standin: StandIn) -> None:
    (port,) = ports.free_ports(1)

    with pytest.raises(httpx.HTTPStatusError, match="502"):
        standin.steering.send_event(url=f"http://{ports.LOOPBACK}:{port}{PATH}")
