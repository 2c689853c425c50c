"""The one port in front of web and events: Caddy's configuration."""

import sysconfig
from pathlib import Path
from typing import Any

from xxxchat.stack import ports

# Longer than the events process takes to end its streams, so that they end in order.
STOP_WITHIN = "1100ms"
# Shorter than the servers keep an idle connection, so that no request meets one that is just being closed.
IDLE_CONNECTION = "15s"
REMOVED_HEADERS = ["Server", "Via"]


def program() -> Path:
    """Return the proxy's program, installed beside this Python's own scripts."""
    return Path(sysconfig.get_path("scripts")) / "caddy"


def settings(*, listen: list[str], web_port: int, events_port: int, storage: Path) -> dict[str, Any]:
    """Return plain HTTP on `listen`: `/live/*` to the events process, unbuffered; everything else to web."""
    live = {"match": [{"path": ["/live/*"]}], "handle": [_to(events_port, flush_interval=-1)], "terminal": True}
    routes = [
        {"handle": [{"handler": "headers", "response": {"deferred": True, "delete": REMOVED_HEADERS}}]},
        live,
        {"handle": [_to(web_port)]},
    ]
    front = {"listen": listen, "protocols": ["h1"], "automatic_https": {"disable": True}, "routes": routes}
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "storage": {"module": "file_system", "root": str(storage)},
        "apps": {"http": {"grace_period": STOP_WITHIN, "servers": {"front": front}}},
    }


def _to(port: int, **more: Any) -> dict[str, Any]:
    """Pass on the request with its Host; the proxy sets X-Forwarded-For and -Proto itself."""
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{ports.LOOPBACK}:{port}"}],
        "transport": {
            "protocol": "http",
            "keep_alive": {"idle_timeout": IDLE_CONNECTION, "max_idle_conns_per_host": 256},
        },
        **more,
    }
