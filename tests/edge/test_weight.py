"""What a page weighs, what is compressed, and how long it may be kept."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright

from tests.programs import program

pytestmark = pytest.mark.stack

A_YEAR_S = 31_536_000
ROOM_BYTES = 120_000


def room_of(site: str) -> str:
    return f"/rooms/{httpx.get(f'{site}/api/v1/performer').json()['items'][0]['id']}"


def test_a_cold_room_transfers_less_than_120_kb(site: str) -> None:
    transferred: dict[str, int] = {}
    addresses: dict[str, str] = {}

    def finished(event: dict[str, Any]) -> None:
        transferred[addresses[event["requestId"]]] = int(event["encodedDataLength"])

    with sync_playwright() as playwright:
        path = program("CHROMIUM_PATH", "chromium", "chromium-browser", "google-chrome")
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=["--no-sandbox"])
        page = browser.new_page()
        devtools = page.context.new_cdp_session(page)
        devtools.on(
            "Network.requestWillBeSent",
            lambda event: addresses.update({event["requestId"]: event["request"]["url"].partition("#")[0]}),
        )
        devtools.on("Network.loadingFinished", finished)
        devtools.send("Network.enable")
        page.goto(f"{site}{room_of(site)}", wait_until="load")
        page.wait_for_function("performance.getEntriesByType('resource').length > 8")
        page.wait_for_timeout(500)  # what the scripts load after the page
        loaded: list[str] = page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
        browser.close()

    files = [each.partition("#")[0] for each in loaded if "/live/" not in each]
    assert set(files) <= set(transferred)
    assert any(each.endswith(".woff2") for each in files)
    assert sum(transferred.values()) < ROOM_BYTES, transferred


def test_every_file_of_a_page_has_a_hashed_name_a_years_cache_and_is_compressed(site: str) -> None:
    page = httpx.get(f"{site}{room_of(site)}").text
    found = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    modules = {
        f"/static/js/{name}"
        for path in found
        if "/js/app." in path
        for name in re.findall(r'"\./([^"]+\.js)"', httpx.get(site + path).text)
    }

    assert len(found) > 4
    assert len(modules) > 5
    for path in found | modules:
        answer = httpx.get(site + path, headers={"Accept-Encoding": "gzip"})
        assert re.search(r"\.[0-9a-f]{12}\.[a-z0-9]+$", path), path
        cache = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
        assert cache is not None
        assert int(cache[1]) >= A_YEAR_S, path
        assert "immutable" in answer.headers["Cache-Control"]
        if len(answer.content) > 1_000 and not path.endswith((".woff2", ".ico")):
            assert answer.headers["Content-Encoding"] == "gzip", path
            assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_a_client_that_has_an_answer_already_gets_304_however_it_was_encoded(site: str, encoding: str) -> None:
    path = f"{site}/api/v1{room_of(site).replace('/rooms/', '/performer/')}/queue"
    first = httpx.get(path, headers={"Accept-Encoding": encoding})

    again = httpx.get(path, headers={"Accept-Encoding": encoding, "If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)


def test_pages_and_json_are_compressed_and_streams_are_not(site: str) -> None:
    accept = {"Accept-Encoding": "gzip"}
    live = f"{site}/live{room_of(site).replace('/rooms/', '/performer/')}"

    assert httpx.get(f"{site}/", headers=accept).headers["Content-Encoding"] == "gzip"
    assert httpx.get(f"{site}/api/schema", headers=accept).headers["Content-Encoding"] == "gzip"
    with httpx.stream("GET", live, headers=accept) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert "Content-Encoding" not in stream.headers


def test_the_back_office_does_not_load_the_library_for_charts(site: str) -> None:
    page = httpx.get(f"{site}/admin/login/").text
    charts = re.findall(r'src="(/static/[^"]*chart[^"]*)"', page)

    assert len(charts) == 1
    assert len(httpx.get(site + charts[0]).content) < 1_000
    assert 'class="chart"' not in page
