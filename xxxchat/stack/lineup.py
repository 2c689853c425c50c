"""The processes of the product and their command lines."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xxxchat.stack import ports, proxy
from xxxchat.stack.errors import StackError
from xxxchat.stack.folder import PROJECT, Folder
from xxxchat.stack.part import Part

DEFAULT_PORT = 8000
PROXY = "proxy"
STANDIN = "standin"
"""The stand-in RedRoomRewards: there is one only where points live elsewhere and no server is named."""
STANDIN_POINTS = 100_000
"""What a new member of the stand-in has: as much as the demo world gives where points are ours."""
PROXY_STARTS_WITHIN_S, IMPORTS_WITHIN_S = 1, 3
COMMANDS = "commands"
ANSWERS_WITHIN_S, ANSWERS_SPINS_WITHIN_S = 1, 6
"""How long a server that is stopped has to answer what it has taken in; the second where spins wait for RedRoomRewards,
longer than a call of it takes at most (RRR_TOTAL_TIMEOUT_S, 5 s)."""
PYTHON = sys.executable
AS_ROOT = "ignore:You're running the worker with superuser privileges"


def number(environment: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    """Return a whole number between 1 and `most` from the environment. Raises StackError if it is none."""
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise StackError(f"{name} is {text!r}; a whole number from 1 to {most} is needed.")
    return int(text)


def points_are_elsewhere(environment: Mapping[str, str]) -> bool:
    """Whether points live in RedRoomRewards, or its stand-in."""
    return environment.get("LOYALTY_BACKEND") == "redroomrewards"


def addresses(environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the address for people and what the proxy listens on.

    Raises:
        StackError: the port is not a number, or taken.
    """
    port = number(environment, "PORT", DEFAULT_PORT, most=65_535)
    host = environment.get("HOST") or ports.LOOPBACK
    if not ports.is_free(port, host=host):
        raise StackError(f"Port {port} on {host} is taken. Choose another: make demo PORT={port + 1}")
    listen = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    if host == ports.LOOPBACK and ports.is_free(port, host=ports.LOOPBACK_V6):
        listen.append(f"[{ports.LOOPBACK_V6}]:{port}")
    return f"http://localhost:{port}", listen


@dataclass(frozen=True)
class InnerPorts:
    """Where the processes behind the proxy listen."""

    web: int
    commands: int
    events: int
    medium_bodies: int
    large_bodies: int


def parts(folder: Folder, environment: Mapping[str, str], listen: list[str], inner: InnerPorts) -> list[Part]:
    """Return every process of the product itself."""
    front = proxy.settings(
        listen=listen,
        web_port=inner.web,
        commands_port=inner.commands,
        events_port=inner.events,
        body_ports=(inner.medium_bodies, inner.large_bodies),
        storage=folder.root / "caddy",
        every_spin=points_are_elsewhere(environment),
    )
    lines: dict[str, list[str | Path]] = {
        **_standin(folder, environment, listen[0]),
        PROXY: [proxy.program(), "run", "--config", folder.write("caddy.json", front)],
        "web": [PYTHON, "-m", "granian", *_web(environment, inner.web), "xxxchat.wsgi:application"],
        COMMANDS: [
            *(PYTHON, "-m", "uvicorn", *_commands(inner.commands, environment)),
            "xxxchat.commands.asgi:application",
        ],
        "events": [PYTHON, "-m", "uvicorn", *_events(inner.events), "xxxchat.asgi:application"],
        "worker": [*_celery("worker", environment), *_worker(inner.web)],
        "beat": [*_celery("beat", environment), "--schedule", folder.root / "beat-schedule", "--pidfile="],
        "sweeper": [PYTHON, "manage.py", "queue_sweeper"],
    }
    slow = (PROXY, COMMANDS) if points_are_elsewhere(environment) else ()
    return [
        Part(
            name,
            command,
            PROJECT,
            starts_within_s=PROXY_STARTS_WITHIN_S if name == PROXY else IMPORTS_WITHIN_S,
            stops_within_s=ANSWERS_SPINS_WITHIN_S + 1 if name in slow else ANSWERS_WITHIN_S,
            serves_product=name == STANDIN,
        )
        for name, command in lines.items()
    ]


def _standin(folder: Folder, environment: Mapping[str, str], front: str) -> dict[str, list[str | Path]]:
    """Return the command line of the stand-in, if there is to be one. It lies with the data of the demo."""
    if not (port := environment.get("RRR_STANDIN_PORT")):
        return {}
    line: list[str | Path] = [
        *(PYTHON, "manage.py", "loyalty_standin", "--host", ports.LOOPBACK, "--port", port),
        *("--storage", folder.root / "rewards.db", "--enrol", str(STANDIN_POINTS)),
        *("--webhook-url", f"http://{front}/api/v1/loyalty/webhook"),
    ]
    return {STANDIN: line}


def _web(environment: Mapping[str, str], port: int) -> list[str]:
    processes = number(environment, "WEB_PROCESSES", 2, most=64)
    threads = number(environment, "WEB_THREADS", 4, most=64)
    return [
        *("--interface", "wsgi", "--no-ws", "--http", "1", "--host", ports.LOOPBACK, "--port", str(port)),
        *("--workers", str(processes), "--blocking-threads", str(threads)),
        *("--backpressure", "512", "--workers-kill-timeout", "1", "--respawn-failed-workers", "--log-level", "warning"),
    ]


def _commands(port: int, environment: Mapping[str, str]) -> list[str]:
    """Return the options of a server that tells the application what the proxy tells web, and keeps the proxy's
    idle connections for longer than the proxy does. Stopped, it refuses new requests and answers those it has taken in.
    """
    answers_within_s = ANSWERS_SPINS_WITHIN_S if points_are_elsewhere(environment) else ANSWERS_WITHIN_S
    return [
        *("--host", ports.LOOPBACK, "--port", str(port), "--log-level", "warning", "--no-access-log"),
        *("--no-server-header", "--no-proxy-headers", "--http", "xxxchat.commands.protocol:Protocol"),
        *("--loop", "uvloop", "--ws", "none"),
        *("--backlog", "2048", "--timeout-keep-alive", "60"),
        *("--timeout-graceful-shutdown", str(answers_within_s)),
    ]


def _events(port: int) -> list[str]:
    return [
        *("--host", ports.LOOPBACK, "--port", str(port), "--log-level", "warning", "--no-access-log"),
        *("--no-server-header", "--timeout-keep-alive", "60", "--timeout-graceful-shutdown", "1"),
    ]


def _worker(unique: int) -> list[str]:
    """Return the options of a small worker: threads, because they end within a second."""
    return [
        *("--pool", "threads", "--concurrency", "2", "--hostname", f"worker-{unique}@%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def _celery(part: str, environment: Mapping[str, str]) -> list[str]:
    level = environment.get("LOG_LEVEL") or "WARNING"
    return [PYTHON, "-W", AS_ROOT, "-m", "celery", "--app", "xxxchat", "--quiet", part, "--loglevel", level]
