"""The values that settings are made of: from the environment, then from `.env`. All faults are reported together.

The environment wins over the file, and an empty value counts as unset. `ENV_FILE` names another file; `make`, the
launcher and pytest set it to /dev/null.
"""

import base64
import binascii
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

PROJECT = Path(__file__).resolve().parent.parent
BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
PARSERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    bool: (lambda text: BOOLEANS[text.lower()], "true or false"),
    int: (int, "a whole number"),
    float: (float, "a number"),
}
KEY_BYTES = 32
MAX_SECONDS = 3_600
MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
HINT = "Set them in the environment or in the file .env (`cp .env.example .env` is a start for your own machine)."


class WrongSettings(ImproperlyConfigured):
    """What is missing or wrong, one line each. Only the message is needed, no traceback."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(["Settings are missing or wrong:", *(f"  {fault}" for fault in faults), HINT]))


def env_file() -> Path:
    """Return the file that `ENV_FILE` names, else `.env` beside manage.py."""
    return Path(os.environ.get("ENV_FILE") or PROJECT / ".env")


def read_file(path: Path) -> dict[str, str]:
    """Return the variables in a file of lines NAME=value; none if there is no such file."""

    class File(environ.Env):
        ENVIRON: dict[str, str] = {}

    File.read_env(path)
    return File.ENVIRON


class Environment(environ.Env):
    """django-environ's reader, which collects faults instead of raising; `check` raises them all at once.

    Without a default a value is required. Until `check`, a missing or wrong value reads as its default, else as empty.
    """

    REQUIRED = environ.Env.NOTSET

    def __init__(self) -> None:
        super().__init__()
        given = read_file(env_file()) | {name: value for name, value in os.environ.items() if value}
        self.ENVIRON = {name: value for name, value in given.items() if value}
        self._faults: dict[str, str] = {}

    def get_value(self, var: str, cast: Any = None, default: Any = REQUIRED, parse_default: bool = False) -> Any:
        """Read a variable; every method of django-environ calls this. `$` in front of a value means nothing."""
        if var not in self.ENVIRON:
            self.require(var, default is not self.REQUIRED, "is not set")
            return default if default is not self.REQUIRED else [] if cast is list else ""
        text = self.ENVIRON[var]
        if cast is list:
            return [each.strip() for each in text.split(",") if each]
        parse, expected = PARSERS.get(cast, (str, "text"))
        try:
            return parse(text.strip())
        except (KeyError, ValueError):
            self.fault(var, f"must be {expected}")
            return default

    def whole(self, var: str, default: int, *, least: int, most: int | None = None) -> int:
        """Read a whole number within bounds."""
        value: int = self.get_value(var, cast=int, default=default)
        within = least <= value and (most is None or value <= most)
        self.require(
            var, within, f"must be {least} or more" if most is None else f"must lie between {least} and {most}"
        )
        return value if within else default

    def seconds(self, var: str, default: float) -> float:
        """Read a time-out in seconds, more than 0 and at most an hour."""
        value: float = self.get_value(var, cast=float, default=default)
        within = 0 < value <= MAX_SECONDS
        self.require(var, within, f"must be more than 0 and at most {MAX_SECONDS}")
        return value if within else default

    def base64(self, var: str, default: Any = REQUIRED) -> bytes:
        """Read bytes in base64."""
        try:
            return base64.b64decode(self.get_value(var, cast=str, default=default), validate=True)
        except binascii.Error:
            self.fault(var, "must be in base64")
            return b""

    def key(self, var: str, default: Any = REQUIRED, *, refused: str = "") -> bytes:
        """Read a key of 32 bytes in base64. One that contains `refused` is a published example."""
        key = self.base64(var, default)
        self._require_key(var, key, refused)
        return key

    def keys(self, var: str, *, refused: str = "") -> list[bytes]:
        """Read keys of 32 bytes in base64, separated by commas; none if it is not set."""
        texts: list[str] = self.get_value(var, cast=list, default=[])
        keys = []
        for text in texts:
            try:
                keys.append(base64.b64decode(text, validate=True))
            except binascii.Error:
                self.fault(var, "must be in base64")
        for key in keys:
            self._require_key(var, key, refused)
        return keys

    def wholes(self, var: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Read as many whole numbers, 0 or more, as the default has, separated by commas."""
        texts: list[str] = self.get_value(var, cast=list, default=[str(each) for each in default])
        if len(texts) != len(default) or not all(text.isascii() and text.isdigit() for text in texts):
            self.fault(var, f"must be {len(default)} whole numbers, separated by commas")
            return default
        return tuple(map(int, texts))

    def mail_server(self, var: str, default: Any = REQUIRED) -> dict[str, Any]:
        """Read the address of a server that sends mail as Django's settings; empty if the default is.

        smtp:// is as it stands, smtp+tls:// begins with STARTTLS, smtps:// speaks TLS from the first byte.
        """
        url: str = self.get_value(var, cast=str, default=default)
        if not url:
            return {}
        parts = urlsplit(url)
        try:
            port = parts.port or MAIL_PORTS.get(parts.scheme, 0)
        except ValueError:  # a port that is no number
            port = 0
        self.require(var, bool(port and parts.hostname), "must be smtp+tls://user:password@host:port (or smtps, smtp)")
        return {
            "EMAIL_HOST": parts.hostname or "",
            "EMAIL_PORT": port,
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
            "EMAIL_USE_SSL": parts.scheme == "smtps",
        }

    def moment(self, var: str) -> datetime | None:
        """Read a time with its zone; None if it is not set."""
        text: str = self.get_value(var, cast=str, default="")
        if not text:
            return None
        with suppress(ValueError):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment
        self.fault(var, "must be a time with its zone, such as 2030-01-31T00:00:00Z")
        return None

    def networks(self, var: str) -> list[str]:
        """Read networks in CIDR notation; none if it is not set."""
        given: list[str] = self.get_value(var, cast=list, default=[])
        try:
            return [str(ip_network(each)) for each in given]
        except ValueError:
            self.fault(var, "must be networks such as 10.0.0.0/8 or fd00::/8")
            return []

    def postgresql(self, var: str) -> dict[str, Any]:
        """Read the address of a database as Django's settings; required."""
        url: str = self.get_value(var, cast=str)
        address: dict[str, Any] = {}
        if url.startswith(("postgres://", "postgresql://")):
            with suppress(ValueError):  # a port that is no number
                address = self.db_url_config(url)
        self.require(var, bool(address.get("NAME")), "must be postgres://user:password@host:port/database")
        return address

    def _require_key(self, var: str, key: bytes, refused: str) -> None:
        self.require(var, len(key) == KEY_BYTES, f"must be {KEY_BYTES} bytes in base64")
        published = bool(refused) and refused.encode() in key
        self.require(var, not published, "is a published example: make one of your own")

    def require(self, var: str, holds: bool, rule: str) -> None:
        """Note that a variable breaks a rule unless it `holds`."""
        if not holds:
            self.fault(var, rule)

    def fault(self, var: str, text: str) -> None:
        """Note what is wrong with a variable; of several faults the first counts."""
        self._faults.setdefault(var, f"{var} {text}.")

    def check(self) -> None:
        """Raise WrongSettings with every fault found so far."""
        if self._faults:
            raise WrongSettings(list(self._faults.values()))
