"""Settings are read from the environment and `.env`; whatever is missing or wrong is reported together."""

import base64
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xxxchat.environment import PROJECT, WrongSettings

EXAMPLE = PROJECT / ".env.example"
KEYS = ("SEED_KEY", "SECOND_FACTOR_KEY", "EXCLUSION_HASH_KEY", "ARCHIVE_SIGNING_KEY")
A_KEY = "c2VlZC1rZXktb2YtZXhhY3RseS0zMi1ieXRlcy0hISE="
OTHER_KEY = base64.b64encode(b"o" * 32).decode()
AGE_SECRET = "AGE_PROVIDER_SECRET must have 32 characters or more."
OWN = {
    "APP_MODE": "production",
    "SECRET_KEY": "k" * 60,
    **dict.fromkeys(KEYS, A_KEY),
    "ARCHIVE_FOLDER": "/archives",
    "MAIL_URL": "smtp+tls://mail.example",
    "MAIL_FROM": "us@shop.example",
    "ALLOWED_HOSTS": "shop.example",
    "DATABASE_URL": "postgres://app:secret@db.example:5433/shop",
    "REDIS_URL": "redis://broker.example/0",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any variable of the product."""
    names = [line.partition("=")[0] for line in EXAMPLE.read_text().splitlines() if line[:1].isupper()]
    for name in (*names, "ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENV_FILE", os.devnull)


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(PROJECT / "xxxchat" / "settings.py"))


def faults(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    with pytest.raises(WrongSettings) as raised:
        settings(monkeypatch, **environment)
    return [line.strip() for line in str(raised.value).splitlines() if line.startswith("  ")]


def test_every_missing_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch) == [
        "SECRET_KEY is not set.",
        *(f"{name} is not set." for name in KEYS),
        "ARCHIVE_FOLDER is not set.",
        "ALLOWED_HOSTS is not set.",
        "DATABASE_URL is not set.",
        "REDIS_URL is not set.",
        "MAIL_URL is not set.",
        "MAIL_FROM is not set.",
    ]


def test_missing_and_wrong_settings_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    given = OWN | {
        "SEED_KEY": "not base64",
        "REDIS_URL": "",
        "DATABASE_URL": "mysql://shop",
        "SECURE_COOKIES": "maybe",
        "SLOTS_SPINS_PER_HOUR": "many",
        "SWEEP_EVERY_S": "2,5",
        "VERIFY_AT_HOUR": "24",
        "PAYOUT_MINIMUM": "0",
        "LOG_LEVEL": "LOUD",
    }

    assert sorted(faults(monkeypatch, **given)) == [
        "DATABASE_URL must be postgres://user:password@host:port/database.",
        "LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.",
        "PAYOUT_MINIMUM must be 1 or more.",
        "REDIS_URL is not set.",
        "SECURE_COOKIES must be true or false.",
        "SEED_KEY must be in base64.",
        "SLOTS_SPINS_PER_HOUR must be a whole number.",
        "SWEEP_EVERY_S must be a number.",
        "VERIFY_AT_HOUR must lie between 0 and 23.",
    ]


@pytest.mark.parametrize("url", ["shop", "postgres://", "postgres://app@db", "postgres://app@db:port/shop"])
def test_an_address_without_a_database_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert faults(monkeypatch, **OWN | {"DATABASE_URL": url}) == [
        "DATABASE_URL must be postgres://user:password@host:port/database."
    ]


def test_an_unknown_mode_is_refused_and_read_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, APP_MODE="develop", **{name: OWN[name] for name in ("DATABASE_URL", "REDIS_URL")}) == [
        "APP_MODE must be production, demo or test.",
        "SECRET_KEY is not set.",
        *(f"{name} is not set." for name in KEYS),
        "ARCHIVE_FOLDER is not set.",
        "ALLOWED_HOSTS is not set.",
        "MAIL_URL is not set.",
        "MAIL_FROM is not set.",
    ]


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in (OWN | {"SITE_NAME": "From file"}).items()))

    read = settings(monkeypatch, ENV_FILE=str(file), REDIS_URL="redis://here/1", SITE_NAME="")

    assert read["REDIS_URL"] == "redis://here/1"
    assert read["SITE_NAME"] == "From file", "an empty value counts as unset"
    assert read["DATABASES"]["default"]["HOST"] == "db.example"


def test_a_value_may_begin_with_a_dollar_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, **OWN | {"SECRET_KEY": "$" * 60})["SECRET_KEY"] == "$" * 60


def test_the_copied_example_needs_only_the_two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, ENV_FILE=str(EXAMPLE), DATABASE_URL=OWN["DATABASE_URL"], REDIS_URL=OWN["REDIS_URL"])

    assert read["APP_MODE"] == "demo"
    assert read["ALLOWED_HOSTS"] == ["*"]
    assert not any(read[name] for name in ("SESSION_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"))


def test_production_refuses_the_keys_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"APP_MODE": "production", "ALLOWED_HOSTS": "shop.example", "ENV_FILE": str(EXAMPLE)}
    keys |= {"MAIL_URL": "smtps://mail.example"}

    assert faults(monkeypatch, **keys) == [
        f"{name} is a published example: make one of your own." for name in ("SECRET_KEY", *KEYS)
    ] + ["AGE_PROVIDER may be stand_in in demo and test only."]


@pytest.mark.parametrize("name", ["SECRET_KEY", *KEYS])
def test_production_refuses_the_keys_of_tests(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    value = settings(monkeypatch, **OWN | {"APP_MODE": "test", name: ""})[name]
    given = value if isinstance(value, str) else base64.b64encode(value).decode()

    assert faults(monkeypatch, **OWN | {name: given}) == [f"{name} is a published example: make one of your own."]


@pytest.mark.parametrize("name", KEYS)
def test_a_key_has_32_bytes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert faults(monkeypatch, **OWN | {name: A_KEY[4:]}) == [f"{name} must be 32 bytes in base64."]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (A_KEY, "must not name SEED_KEY"),
        ("c2hvcnQ=", "must be 32 bytes in base64"),
        ("not base64", "must be in base64"),
        (f"{OTHER_KEY},,", ""),
        (f"{OTHER_KEY},{A_KEY}", "must not name SEED_KEY"),
    ],
)
def test_earlier_seed_keys_are_keys_other_than_the_present_one(
    monkeypatch: pytest.MonkeyPatch, given: str, fault: str
) -> None:
    if fault:
        assert faults(monkeypatch, **OWN | {"SEED_KEYS_OLD": given}) == [f"SEED_KEYS_OLD {fault}."]
    else:
        assert settings(monkeypatch, **OWN | {"SEED_KEYS_OLD": given})["SEED_KEYS_OLD"] == [b"o" * 32]


@pytest.mark.parametrize(
    ("mode", "given", "fault"),
    [
        ("production", "10,40,120", ""),
        ("production", "10,10,10", ""),
        ("production", "10,0,120", "may be switched off (0) in demo and test only"),
        ("demo", "0,0,0", ""),
        ("demo", "10,0,9", "must not fall"),
        ("demo", "10,40", "must be 3 whole numbers, separated by commas"),
        ("demo", "10,40,-1", "must be 3 whole numbers, separated by commas"),
        ("demo", "10,40,1.5", "must be 3 whole numbers, separated by commas"),
    ],
)
def test_the_caps_are_three_whole_numbers_that_do_not_fall(
    monkeypatch: pytest.MonkeyPatch, mode: str, given: str, fault: str
) -> None:
    given_all = OWN | {"APP_MODE": mode, "LIMIT_CAPS_POINT": given}
    if fault:
        assert faults(monkeypatch, **given_all) == [f"LIMIT_CAPS_POINT {fault}."]
    else:
        assert settings(monkeypatch, **given_all)["LIMIT_CAPS_POINT"] == tuple(map(int, given.split(",")))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp+tls://a%40b:p%2Fw@mail.example", ("mail.example", 587, "a@b", "p/w", True, False)),
        ("smtps://mail.example:4650", ("mail.example", 4650, "", "", False, True)),
        ("smtp://relay", ("relay", 25, "", "", False, False)),
    ],
)
def test_mail_goes_to_a_server_with_or_without_tls(
    monkeypatch: pytest.MonkeyPatch, url: str, expected: tuple[object, ...]
) -> None:
    read = settings(monkeypatch, **OWN | {"MAIL_URL": url})

    names = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL")
    assert tuple(read[f"EMAIL_{name}"] for name in names) == expected
    assert read["EMAIL_BACKEND"].endswith("smtp.EmailBackend")
    assert read["SUPPORT_ADDRESS"] == "us@shop.example", "people write to the sender unless there is another address"


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtps://mail.example:port"])
def test_what_is_no_mail_server_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert faults(monkeypatch, **OWN | {"MAIL_URL": url}) == [
        "MAIL_URL must be smtp+tls://user:password@host:port (or smtps, smtp)."
    ]


def test_without_a_server_the_demos_mails_are_files(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, **OWN | {"APP_MODE": "demo", "MAIL_URL": ""})

    assert read["EMAIL_BACKEND"] == "xxxchat.mail.FileBackend"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"AGE_PROVIDER": "http"}, ["AGE_PROVIDER_URL must be https://host/path.", AGE_SECRET]),
        ({"AGE_PROVIDER": "http", "AGE_PROVIDER_URL": "https://ages.example", "AGE_PROVIDER_SECRET": "s" * 32}, []),
        ({"AGE_PROVIDER": "stand_in"}, ["AGE_PROVIDER may be stand_in in demo and test only."]),
        ({"AGE_PROVIDER": "somebody"}, ["AGE_PROVIDER must be none, stand_in or http."]),
    ],
)
def test_an_age_provider_needs_an_address_and_a_secret(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: list[str]
) -> None:
    if expected:
        assert faults(monkeypatch, **OWN | given) == expected
    else:
        assert settings(monkeypatch, **OWN | given)["AGE_PROVIDER"] == "http"


@pytest.mark.parametrize(("given", "enabled"), [("", False), ("true", True)])
def test_the_slot_machine_is_off_in_production_until_it_is_switched_on(
    monkeypatch: pytest.MonkeyPatch, given: str, enabled: bool
) -> None:
    assert settings(monkeypatch, **OWN | {"SLOTS_ENABLED": given})["SLOTS_ENABLED"] is enabled


def test_a_short_secret_key_is_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, **OWN | {"SECRET_KEY": "k" * 49}) == ["SECRET_KEY must have 50 characters or more."]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=PROJECT, env=bare | environment, check=False, capture_output=True, text=True)


def test_manage_py_prints_the_faults_without_a_traceback() -> None:
    done = run("manage.py", "migrate")

    assert done.returncode == 1
    assert done.stderr.startswith("Settings are missing or wrong:\n  SECRET_KEY is not set.\n")
    assert "Traceback" not in done.stderr


def test_pytest_takes_the_two_addresses_of_the_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("APP_MODE=demo\nSITE_NAME=Mine\nDATABASE_URL=postgres://a@file/b\nREDIS_URL=redis://file/0\n")
    program = "from tests.settings import *; print(APP_MODE, SITE_NAME, DATABASES['default']['HOST'], REDIS_URL)"

    done = run("-c", program, ENV_FILE=str(file), APP_MODE="production", REDIS_URL="redis://environment/0")

    assert done.stdout == "test XXXChatNow file redis://environment/0\n", done.stderr


def test_pytest_without_addresses_names_them_without_a_traceback() -> None:
    done = run("-m", "pytest", "xxxchat/tests/test_environment.py")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "DATABASE_URL is not set.\n  REDIS_URL is not set.\n" in done.stderr
    assert "Traceback" not in done.stderr
