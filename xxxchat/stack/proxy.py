"""The one port in front of web and events: Caddy's configuration.

Invariant: a web thread meets only whole requests and never waits for a client. Bodies are buffered here before a thread
sees them, answers before the client reads them, and both in bounded memory (ADR 0054).
"""

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xxxchat.stack import ports

Config = dict[str, Any]

# Longer than the events process takes to end its streams, so that they end in order; and than the commands process
# takes to answer spins that wait for RedRoomRewards.
STOP_WITHIN, STOP_WITHIN_OF_SPINS = "1100ms", "6500ms"
# Shorter than the servers keep an idle connection, so that no request meets one that is just being closed.
IDLE_CONNECTION = "15s"
REMOVED_HEADERS = ["Server", "Via"]
# A client's name with an underscore is dropped: to WSGI X_Geo_Region is X-Geo-Region, which the proxy itself may set.
AMBIGUOUS_HEADERS = ["*_*"]
MIB = 1024 * 1024

HEAD_BYTES = 64 * 1024
# What DrainBodyMiddleware reads of a body that is too large for us; a longer one is refused here.
BODY_BYTES = 16 * MIB
ANSWER_BYTES = 1 * MIB
# Bodies of up to five digits are buffered at once, longer ones only so many at a time: 64 MiB, and 128 MiB.
SMALL_BYTES = 100_000
MEDIUM, MEDIUM_PLACES = "^[0-9]{6}$", 64
LARGE, LARGE_PLACES = "^[0-9]{7,}$", 8
TRY_PLACE_EVERY = "250ms"
SPINS = ["/api/v1/slot-machine/spin"]
PURCHASES = ["/api/v1/menus/items/*/purchase"]
SPIN_FORM = ["/slots/spin"]
AWAY_FOR = "500ms"  # a server that could not be reached is not tried for so long
ENCODED_FROM_BYTES = 512
ENCODED_TYPES = ["text/*", "application/json*", "application/vnd.oai.openapi*"]

TOO_LARGE = '{"error": {"code": "BODY_TOO_LARGE", "message": "The body is larger than 16 MiB.", "details": {}}}'


@dataclass(frozen=True)
class Limits:
    """How long a client may take, in seconds. None of them limits how long web takes to answer, or a stream lasts."""

    head_s: float = 10.0
    request_s: float = 20.0  # from its first byte to the last of its body
    unread_s: float = 30.0  # for 64 KiB of an answer to be taken; longer than a stream's heartbeat
    idle_s: float = 60.0  # between two requests of a connection


def program() -> Path:
    """Return the proxy's program, installed beside this Python's own scripts."""
    return Path(sysconfig.get_path("scripts")) / "caddy"


def settings(
    *,
    listen: list[str],
    web_port: int,
    commands_port: int,
    events_port: int,
    body_ports: tuple[int, int],
    storage: Path,
    limits: Limits = Limits(),
    every_spin: bool = False,
) -> Config:
    """Return plain HTTP on `listen`: `/live/*` to the events process, unbuffered; the rest to web, buffered, but spins
    and purchases to the commands process, and to web while that is away.

    `body_ports`: where the proxy itself takes the medium and the large bodies. `every_spin`: only the commands process
    can spin, so it gets the page's form and spins with long bodies too; and answers to them are waited for at the end.
    """
    to = _Ways(web_port, commands_port, events_port, body_ports, every_spin=every_spin)
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "storage": {"module": "file_system", "root": str(storage)},
        "apps": {
            "http": {
                "grace_period": STOP_WITHIN_OF_SPINS if every_spin else STOP_WITHIN,
                "servers": {
                    "front": _front(listen, to, limits),
                    "bodies": _bodies(to),
                },
            }
        },
    }


@dataclass(frozen=True)
class _Ways:
    """Where requests go."""

    web: int
    commands: int
    events: int
    bodies: tuple[int, int]
    every_spin: bool

    @property
    def paths_of_commands(self) -> list[str]:
        """The addresses of the commands process."""
        return [*SPINS, *PURCHASES, *(SPIN_FORM if self.every_spin else [])]


def _front(listen: list[str], to: _Ways, limits: Limits) -> Config:
    """Take the requests: end slow ones, and give each body its way to web by its declared length."""
    medium_port, large_port = to.bodies
    within = f"{limits.request_s}s"
    live = {"match": [{"path": ["/live/*"]}], "handle": [_to(to.events, flush_interval=-1)], "terminal": True}
    large: list[Config] = [{"header_regexp": {"Content-Length": {"pattern": LARGE}}}, {"header": _chunked()}]
    medium: list[Config] = [{"header_regexp": {"Content-Length": {"pattern": MEDIUM}}}]
    return _server(
        listen,
        [
            {"handle": [_headers()]},
            live,
            {"handle": [_unfinished(), _encode()]},
            {"match": large, "handle": [_limit(), _place(large_port, LARGE_PLACES, within)], "terminal": True},
            {"match": medium, "handle": [_place(medium_port, MEDIUM_PLACES, within)], "terminal": True},
            _commands(to.paths_of_commands, to, SMALL_BYTES),
            {"handle": [_to_web(to.web, SMALL_BYTES)]},
        ],
        read_header_timeout=f"{limits.head_s}s",
        max_header_bytes=HEAD_BYTES,
        read_timeout=within,
        read_idle_timeout=-1,  # off: it would take the deadline away from Go's reading of a refused body's rest
        idle_timeout=f"{limits.idle_s}s",
        write_idle_timeout=f"{limits.unread_s}s",
        errors={"routes": _errors()},
    )


def _bodies(to: _Ways) -> Config:
    """Buffer the bodies that were given a place; the headers about the client are the front's."""
    names = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
    kept = {"request": {"set": {name: [f"{{http.request.header.{name}}}"] for name in names}}}
    listen = [f"{ports.LOOPBACK}:{port}" for port in to.bodies]
    spins = [_commands([*SPINS, *SPIN_FORM], to, BODY_BYTES + 1, headers=kept)] if to.every_spin else []
    rest = {"handle": [_to_web(to.web, BODY_BYTES + 1, headers=kept)]}
    return _server(listen, [*spins, rest], read_idle_timeout=-1)


def _server(listen: list[str], routes: list[Config], **more: Any) -> Config:
    return {"listen": listen, "protocols": ["h1"], "automatic_https": {"disable": True}, "routes": routes, **more}


def _headers() -> Config:
    """Drop what a client may not send and what we do not show."""
    removed = {"deferred": True, "delete": REMOVED_HEADERS}
    return {"handler": "headers", "request": {"delete": AMBIGUOUS_HEADERS}, "response": removed}


def _commands(paths: list[str], to: _Ways, body_bytes: int, **more: Any) -> Config:
    """Pass commands on to their process."""
    handled = _to_commands(to, body_bytes, **more)
    return {"match": [{"method": ["POST"], "path": paths}], "handle": [handled], "terminal": True}


def _chunked() -> Config:
    """Match a body of unknown length."""
    return {"Transfer-Encoding": ["*"]}


def _encode() -> Config:
    """Compress what web has not compressed itself; an entity tag gets a suffix that is taken off again."""
    return {
        "handler": "encode",
        "encodings": {"zstd": {}, "gzip": {}},
        "minimum_length": ENCODED_FROM_BYTES,
        "match": {"headers": {"Content-Type": ENCODED_TYPES}},
    }


def _unfinished() -> Config:
    """Answer 408 where Caddy answers 499: it takes a body that ends too early for a client that has gone."""
    return {"handler": "intercept", "handle_response": [{"match": {"status_code": [499]}, "status_code": "408"}]}


def _limit() -> Config:
    return {"handler": "request_body", "max_size": BODY_BYTES}


def _errors() -> list[Config]:
    """Answer what never reached web: 413 in the envelope, 408 for a body that did not come; else Caddy's own."""
    too_large = {
        "match": [{"expression": "{http.error.status_code} == 413"}],
        "handle": [
            {
                "handler": "static_response",
                "status_code": 413,
                "headers": {"Content-Type": ["application/json"], "X-Request-Id": ["{http.request.uuid}"]},
                "body": TOO_LARGE,
                "close": True,
            }
        ],
        "terminal": True,
    }
    unfinished = {
        "match": [{"expression": "{http.error.status_code} == 504"}],
        "handle": [{"handler": "static_response", "status_code": 408, "close": True}],
        "terminal": True,
    }
    return [too_large, unfinished]


def _place(port: int, places: int, within: str) -> Config:
    """Pass on one of so many bodies at a time; a request waits for its place with its body unread."""
    return _to(port, places=places, load_balancing={"try_duration": within, "try_interval": TRY_PLACE_EVERY})


def _to_commands(to: _Ways, body_bytes: int, **more: Any) -> Config:
    """Pass on to the commands process, buffered as for web, and to web while that cannot be reached.

    Only a request of which nothing was sent is sent again: a connection was refused.
    """
    passed = _to_web(to.commands, body_bytes, **more)
    return {
        **passed,
        "upstreams": [*passed["upstreams"], {"dial": f"{ports.LOOPBACK}:{to.web}"}],
        "load_balancing": {"selection_policy": {"policy": "first"}, "retries": 1, "try_interval": "1ms"},
        "health_checks": {"passive": {"fail_duration": AWAY_FOR, "max_fails": 1}},
    }


def _to_web(port: int, body_bytes: int, **more: Any) -> Config:
    return _to(port, request_buffers=body_bytes, response_buffers=ANSWER_BYTES, **more)


def _to(port: int, *, places: int = 0, **more: Any) -> Config:
    """Pass on the request with its Host; the proxy sets X-Forwarded-For and -Proto itself. `places`: 0 is no limit."""
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{ports.LOOPBACK}:{port}"} | ({"max_requests": places} if places else {})],
        "transport": {
            "protocol": "http",
            "keep_alive": {"idle_timeout": IDLE_CONNECTION, "max_idle_conns_per_host": 256},
        },
        **more,
    }
