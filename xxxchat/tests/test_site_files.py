"""robots.txt, security.txt, the icon, the scripts of other sites, and what browsers are asked to cache."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

APP = "https://app.example"
CALLED = "/api/v1/performer"


def test_robots_stay_out_of_what_needs_a_person() -> None:
    answer = Client().get("/robots.txt")

    assert answer.headers["Content-Type"].startswith("text/plain")
    for path in ("/admin", "/api/", "/account", "/wallet", "/studio"):
        assert f"Disallow: {path}\n" in answer.text
    assert "Disallow: /\n" not in answer.text


def test_security_txt_names_the_contact_until_it_expires(settings: Any) -> None:
    settings.SECURITY_CONTACT = "mailto:security@example.org"
    settings.SECURITY_EXPIRES = datetime.now(UTC) + timedelta(days=90)

    answer = Client().get("/.well-known/security.txt")

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:security@example.org"
    assert datetime.fromisoformat(fields["Expires"]) == settings.SECURITY_EXPIRES


@pytest.mark.parametrize(
    ("contact", "expires"),
    [("", timedelta(days=90)), ("mailto:a@example.org", timedelta(days=-1)), ("mailto:a@example.org", None)],
)
def test_without_a_contact_or_past_its_time_there_is_no_security_txt(
    settings: Any, contact: str, expires: timedelta | None, db: None
) -> None:
    settings.SECURITY_CONTACT = contact
    settings.SECURITY_EXPIRES = None if expires is None else datetime.now(UTC) + expires

    assert Client().get("/.well-known/security.txt").status_code == 404


def test_the_icon_is_found_without_a_page() -> None:
    answer = Client().get("/favicon.ico")

    assert answer.status_code == 302
    icon: Any = Client().get(answer.headers["Location"])
    assert b"".join(icon.streaming_content)[:4] == b"\0\0\1\0"


def test_every_page_says_what_it_is(db: None) -> None:
    assert '<meta name="description"' in Client().get("/sign-in").text


def test_scripts_of_other_sites_may_not_call_the_api_unless_listed(settings: Any, db: None) -> None:
    assert settings.CORS_ALLOWED_ORIGINS == []
    answer = Client().get(CALLED, headers={"Origin": APP})

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_listed_site_may_call_the_api_with_a_token_and_read_our_headers(settings: Any, db: None) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]
    asked = {
        "Origin": APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }

    asking = Client().options("/api/v1/slot-machine/spin", headers=asked)
    answer = Client().get(CALLED, headers={"Origin": APP})
    other = Client().get(CALLED, headers={"Origin": "https://other.example"})
    page = Client().get("/sign-in", headers={"Origin": APP})

    assert asking.headers["Access-Control-Allow-Origin"] == APP
    allowed = set(asking.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"authorization", "content-type", "idempotency-key"} <= allowed
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed == {"ETag", "Idempotent-Replayed", "Retry-After", "X-Request-Id"}
    for each in (asking, answer):
        assert "Access-Control-Allow-Credentials" not in each.headers
    for each in (other, page):
        assert "Access-Control-Allow-Origin" not in each.headers
