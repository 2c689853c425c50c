"""Where a request comes from: static, a header of a trusted proxy, the demo's header; hostile values are unknown."""

from typing import Any

import pytest
from django.http import HttpRequest

from compliance.locators import locator
from compliance.locators.demo import DemoLocator
from compliance.locators.header import HeaderLocator
from compliance.locators.interface import region_text
from compliance.locators.static import StaticLocator
from compliance.services import origin_of
from core.origin import Origin
from core.origin import origin_of as origin_of_request

NETWORKS = ("10.0.0.0/8", "2001:db8::/32", "fe80::/10")
HOSTILE = ["", " ", "a" * 41, "ab\x00", "a\tb", "a\u2028b", "\u202eab", "DE,FR", ",", "\ud800", "a\r\nb"]


def by_header(value: str | None, peer: str = "10.1.2.3") -> str | None:
    return HeaderLocator(header="X-Region", networks=NETWORKS).region_of(value=value, peer=peer, address=None)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_no_region_for_any_locator(text: str) -> None:
    assert region_text(text) is None
    assert by_header(text) is None
    assert DemoLocator().region_of(value=text, peer="", address=None) is None
    assert StaticLocator(region=text).region_of(value="DE", peer="", address=None) is None


@pytest.mark.parametrize("text", ["DE", "a" * 40, "Länd 7", "<script>", "' OR 1=1"])
def test_up_to_forty_printable_characters_are_a_region_as_they_were_sent(text: str) -> None:
    assert by_header(text) == region_text(f" {text} ") == text


@pytest.mark.parametrize("peer", ["10.0.0.1", "10.255.255.255", "::ffff:10.0.0.1", "2001:db8::1", "fe80::1%eth0"])
def test_a_header_is_believed_from_the_trusted_networks(peer: str) -> None:
    assert by_header("DE", peer) == "DE"


@pytest.mark.parametrize(
    "peer", ["11.0.0.1", "127.0.0.1", "::1", "::ffff:11.0.0.1", "2001:db9::1", "", "unix:", "10.0.0.1, 8"]
)
def test_a_header_is_not_believed_from_anybody_else(peer: str) -> None:
    assert by_header("DE", peer) is None


def test_without_networks_nobody_is_believed_and_without_the_header_nothing_is_known() -> None:
    alone = HeaderLocator(header="X-Region", networks=())

    assert alone.region_of(value="DE", peer="127.0.0.1", address="127.0.0.1") is None
    assert by_header(None) is None


def test_the_settings_choose(settings: Any) -> None:
    assert isinstance(locator(), DemoLocator)

    settings.JURISDICTION_LOCATOR, settings.JURISDICTION_DEFAULT = "static", "HOME"
    assert locator().region_of(value="DRY", peer="", address=None) == "HOME"

    settings.JURISDICTION_LOCATOR, settings.JURISDICTION_HEADER = "header", "X-Geo-Region"
    assert (locator().header, locator() is locator()) == ("x-geo-region", True)

    settings.JURISDICTION_LOCATOR, settings.RELAXED = "demo", False
    assert isinstance(locator(), StaticLocator)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Origin("DEMO", "192.0.2.1", "")),
        ({"HTTP_X_DEMO_REGION": "DRY", "HTTP_USER_AGENT": "x" * 500}, Origin("DRY", "192.0.2.1", "x" * 400)),
        ({"HTTP_X_DEMO_REGION": "", "HTTP_X_FORWARDED_FOR": "203.0.113.7"}, Origin(None, "203.0.113.7", "")),
        (
            {"HTTP_X_FORWARDED_FOR": "203.0.113.7, 2001:db8::1", "HTTP_USER_AGENT": "a\0b"},
            Origin("DEMO", "2001:db8::1", "ab"),
        ),
        ({"HTTP_X_FORWARDED_FOR": "fe80::1%eth0"}, Origin("DEMO", "fe80::1", "")),
        ({"HTTP_X_FORWARDED_FOR": "unknown", "REMOTE_ADDR": ""}, Origin("DEMO", None, "")),
    ],
)
def test_the_origin_of_a_request(headers: dict[str, str], expected: Origin, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.1"} | headers

    assert origin_of_request(request) == expected


def test_a_header_that_came_twice_is_joined_and_unknown() -> None:
    def header(name: str) -> str | None:
        return {"x-demo-region": "DEMO,DRY"}.get(name)

    assert origin_of(header=header, peer="127.0.0.1") == Origin(None, "127.0.0.1", "")
