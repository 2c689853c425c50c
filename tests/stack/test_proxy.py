"""What a slow client can hold, and what no limit of the proxy ends: a slow answer and a stream."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from core.parsing import MAX_BODY_BYTES
from tests.stack.fronts import BEATS, LONGER_THAN_SHORT_S, SHORT, Front, everything, post, running, upstream
from tests.stack.processes import until
from xxxchat.stack import proxy

MIB = 1024 * 1024
CROWD = 500
MOST_MIB = 512  # 8 places for 16 MiB, 64 for 1 MB, 500 bodies of 100 kB, each twice as a buffer grows
SOON_S = 5.0  # a quarter of what an unfinished body is given: nobody waited for it
UNFINISHED = {
    "small": ("Content-Length: 1000", b"amount=1"),
    "medium": ("Content-Length: 200000", b"amount=1"),
    "large": ("Content-Length: 3000000", b"amount=1"),
    "chunked": ("Transfer-Encoding: chunked", b"8\r\namount=1\r\n"),
}


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    """A proxy whose limits are a twentieth of the product's."""
    with upstream() as web, running(web, SHORT) as started:
        yield started


@pytest.fixture(scope="module")
def patient() -> Iterator[Front]:
    """A proxy with the product's limits."""
    with upstream() as web, running(web, proxy.Limits()) as started:
        yield started


@pytest.mark.parametrize("kind", UNFINISHED)
def test_a_body_that_does_not_come_is_ended_and_web_never_sees_it(front: Front, kind: str) -> None:
    length, part = UNFINISHED[kind]
    started = time.monotonic()

    answer = everything(front.send(post(f"/{kind}", length), part))

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert SHORT.request_s <= time.monotonic() - started < SHORT.request_s + 2
    assert [path for path, _ in front.web.seen if path == f"/{kind}"] == []


@pytest.mark.parametrize("kind", UNFINISHED)
def test_a_body_that_is_cut_off_is_not_taken_for_a_whole_one(front: Front, kind: str) -> None:
    length, part = UNFINISHED[kind]
    cut = front.send(post("/cut", length), part)

    cut.shutdown(1)
    everything(cut)

    assert [path for path, _ in front.web.seen if path == "/cut"] == []


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000, MAX_BODY_BYTES, MAX_BODY_BYTES + 1, 16 * MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_up_to_16_mib_web_gets_the_whole_body_and_answers_itself(patient: Front, size: int, chunked: bool) -> None:
    body = b"x" * size
    patient.web.seen.clear()

    answer = httpx.post(f"{patient.url}/whole", content=iter([body]) if chunked else body)

    assert (answer.status_code, answer.text) == (200, "done")
    assert patient.web.seen == [("/whole", size)]
    assert patient.web.client == "127.0.0.1"


def test_a_name_with_an_underscore_does_not_reach_the_servers(patient: Front) -> None:
    """WSGI makes one variable of both, so a client's would take the place of what a proxy says."""
    names = {"X-Geo-Region": "GOOD", "X_Geo_Region": "EVIL", "X_forwarded-For": "1.2.3.4", "IDEMPOTENCY_KEY": "k" * 20}

    httpx.post(f"{patient.url}/whole", headers=names)

    assert "x-geo-region" in patient.web.headers
    assert not [name for name in patient.web.headers if "_" in name]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_longer_body_is_too_large_in_the_envelope(patient: Front, chunked: bool) -> None:
    body = b"x" * (16 * MIB + 1)

    answer = httpx.post(f"{patient.url}/longer", content=iter([body]) if chunked else body)

    assert answer.status_code == 413
    assert json.loads(answer.text)["error"]["code"] == "BODY_TOO_LARGE"
    assert answer.headers["X-Request-Id"]
    assert [path for path, _ in patient.web.seen if path == "/longer"] == []


@pytest.mark.parametrize(("size", "sent_by"), [(99_999, CROWD), (999_999, CROWD), (16 * MIB, 2 * proxy.LARGE_PLACES)])
def test_500_unfinished_bodies_take_bounded_memory_and_nobody_elses_time(
    patient: Front, size: int, sent_by: int
) -> None:
    before = patient.resident_mib
    with ThreadPoolExecutor(16) as threads:
        for number in range(CROWD):
            sent = size - 1 if number < sent_by else 1
            threads.submit(patient.send, post("/crowd", f"Content-Length: {size}"), b"x" * sent)

    for _ in range(5):
        assert httpx.get(f"{patient.url}/page", timeout=SOON_S).status_code == 200
        assert httpx.post(f"{patient.url}/small", content=b"x", timeout=SOON_S).status_code == 200
    assert patient.resident_mib - before < MOST_MIB
    assert [path for path, _ in patient.web.seen if path == "/crowd"] == []
    patient.hang_up()


def has_a_place(front: Front) -> bool:
    """Whether a large body is taken within a second."""
    try:
        return httpx.post(f"{front.url}/probe", content=b"x" * 3_000_000, timeout=1).is_success
    except httpx.TimeoutException:
        return False


def test_a_large_body_waits_for_a_place(patient: Front) -> None:
    held = [patient.send(post("/held", "Content-Length: 3000000"), b"x") for _ in range(proxy.LARGE_PLACES)]
    until(lambda: not has_a_place(patient), within_s=10)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(httpx.post, f"{patient.url}/waiting", content=b"x" * 3_000_000, timeout=10)
        assert httpx.post(f"{patient.url}/small", content=b"x", timeout=SOON_S).is_success
        assert [path for path, _ in patient.web.seen if path == "/waiting"] == []

        held[0].close()

        assert waiting.result().status_code == 200
    patient.hang_up()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_may_take_longer_than_every_limit(front: Front, method: str) -> None:
    answer = httpx.request(method, f"{front.url}/long", content=b"x" if method == "POST" else None, timeout=10)

    assert (answer.status_code, answer.text) == (200, "done")
    assert answer.elapsed.total_seconds() >= LONGER_THAN_SHORT_S


def test_a_stream_lives_longer_than_every_limit_and_is_never_encoded(front: Front) -> None:
    with httpx.stream("GET", f"{front.url}/live/performer", headers={"Accept-Encoding": "gzip, zstd"}) as stream:
        received = stream.read()

    assert received.count(b": still here") == BEATS
    assert "Content-Encoding" not in stream.headers


def test_a_head_that_does_not_come_is_ended(front: Front) -> None:
    started = time.monotonic()

    everything(front.send("GET /page HTTP/1.1\nHost: x\n"))

    assert time.monotonic() - started < SHORT.head_s + 2


def test_who_does_not_read_holds_no_thread_of_web(front: Front) -> None:
    answered = front.web.answered

    for _ in range(50):
        front.send("GET /page HTTP/1.1\nHost: x\n\n", receive_bytes=2_048)

    until(lambda: front.web.answered == answered + 50, within_s=10)
    assert httpx.get(f"{front.url}/page", timeout=SOON_S).is_success
    front.hang_up()


def test_who_does_not_read_a_long_answer_is_ended(front: Front) -> None:
    before = front.descriptors
    for _ in range(20):
        front.send("GET /file HTTP/1.1\nHost: x\n\n", receive_bytes=2_048)

    until(lambda: front.web.answering > 0, within_s=10)
    until(lambda: front.web.answering == 0, within_s=10)
    until(lambda: front.descriptors < before + 20, within_s=10)
    front.hang_up()


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_page_is_compressed_and_its_entity_tag_still_answers_304(front: Front, encoding: str) -> None:
    page = httpx.get(f"{front.url}/page", headers={"Accept-Encoding": encoding})
    again = httpx.get(f"{front.url}/page", headers={"Accept-Encoding": encoding, "If-None-Match": page.headers["ETag"]})

    assert page.headers["Content-Encoding"] == encoding
    assert "Accept-Encoding" in page.headers["Vary"]
    assert again.status_code == 304


def test_the_products_limits_are_these(patient: Front) -> None:
    front = patient.config["apps"]["http"]["servers"]["front"]

    limits = (front["read_header_timeout"], front["read_timeout"], front["write_idle_timeout"])
    assert limits == ("10.0s", "20.0s", "30.0s")
    assert "write_timeout" not in front  # it would end streams
