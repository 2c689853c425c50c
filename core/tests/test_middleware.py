"""Request ids, body lengths, and draining of refused bodies."""

from io import BytesIO
from typing import Any

import pytest

from core.parsing import MAX_BODY_BYTES
from perfqueue import services
from tests.world import again, available, buy, client_of, key, performer, person

pytestmark = pytest.mark.django_db(transaction=True)


class Chunks(BytesIO):
    """A body as a server hands it on that was sent in chunks: of unknown length, a little at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size, 1_000) if size and size > 0 else 1_000)


def sent_in_chunks(user: Any, path: str, raw: bytes) -> tuple[Any, Chunks]:
    body = Chunks(raw)
    environ: Any = {"wsgi.input": body, "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client_of(user).generic(
        "POST", f"/api/v1/{path}", content_type="application/json", headers=key(), **environ
    )
    return answer, body


def test_a_split_sent_in_chunks_is_not_taken_for_an_empty_body() -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)
    services.start(item_id=item.id, actor=ruby)

    raw = b'{"settleTokens": 61, "reason": "half a song"}' + b" " * 5_000
    answer, _ = sent_in_chunks(ruby, f"queue/items/{item.id}/finish", raw)

    assert (answer.status_code, answer.json()["settledTokens"]) == (200, 61)
    assert available(alice) == 39


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 3 * MAX_BODY_BYTES])
def test_too_much_in_chunks_is_too_large_and_read_to_its_end(size: int) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)

    answer, body = sent_in_chunks(ruby, f"queue/items/{item.id}/start", b"{}".ljust(size))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "BODY_TOO_LARGE")
    assert body.tell() == size
    assert again(item).state == "created"


class Silence(BytesIO):
    """A client that never sends the body it announced."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("somebody waits for it")


def test_a_read_waits_for_no_body() -> None:
    environ: Any = {"wsgi.input": Silence(), "HTTP_TRANSFER_ENCODING": "chunked"}

    assert client_of(None).get("/api/v1/performer", **environ).status_code == 200
