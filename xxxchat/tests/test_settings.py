"""Start-up refuses unsafe settings."""

import runpy
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

A_KEY = "c2VlZC1rZXktb2YtZXhhY3RseS0zMi1ieXRlcy0hISE="
NEEDED = {
    "SECRET_KEY": "k" * 60,
    **dict.fromkeys(("SEED_KEY", "SECOND_FACTOR_KEY", "EXCLUSION_HASH_KEY", "ARCHIVE_SIGNING_KEY"), A_KEY),
    "ALLOWED_HOSTS": "x",
    "ARCHIVE_FOLDER": "/archives",
    "MAIL_URL": "smtps://mail.example",
    "MAIL_FROM": "us@shop.example",
}
LONG, OTHER = "a" * 32, "b" * 40


def secrets(monkeypatch: pytest.MonkeyPatch, mode: str, given: str | None) -> list[str]:
    for name, value in (NEEDED | {"APP_MODE": mode}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PAYMENT_WEBHOOK_SECRETS", raising=False)
    if given is not None:
        monkeypatch.setenv("PAYMENT_WEBHOOK_SECRETS", given)
    read: dict[str, Any] = runpy.run_path("xxxchat/settings.py")
    found: list[str] = read["PAYMENT_WEBHOOK_SECRETS"]
    return found


@pytest.mark.parametrize(
    ("mode", "given", "expected"),
    [
        ("production", None, []),
        ("production", "", []),
        ("production", LONG, [LONG]),
        ("production", f"{LONG}, {OTHER}", [LONG, OTHER]),
        ("demo", None, ["demo-only-webhook-secret"]),
        ("demo", "short", ["short"]),
    ],
)
def test_none_one_or_two_webhook_secrets_are_read(
    monkeypatch: pytest.MonkeyPatch, mode: str, given: str | None, expected: list[str]
) -> None:
    assert secrets(monkeypatch, mode, given) == expected


@pytest.mark.parametrize(
    ("mode", "given"),
    [
        ("production", LONG[:31]),
        ("production", f"{LONG},short"),
        ("production", LONG[:31] + " "),
        ("production", f"{LONG},{OTHER},{LONG}x"),
        ("demo", "one,two,three"),
        ("demo", " "),
    ],
)
def test_weak_empty_or_more_than_two_webhook_secrets_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, mode: str, given: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match="PAYMENT_WEBHOOK_SECRETS"):
        secrets(monkeypatch, mode, given)
