"""`python -m xxxchat.stack.containers`: print the proxy's configuration for containers (`Dockerfile`, `compose.yaml`).

The rules are the demo's (`xxxchat.stack.proxy`). What differs: the servers are other containers, and the front speaks
HTTPS for `SITE_HOST`, whose certificate Caddy gets and renews; plain HTTP is redirected.
"""

import json
import sys
from pathlib import Path
from typing import Any

from xxxchat.stack import ports, proxy

WEB, EVENTS, COMMANDS = ("web", 8000), ("events", 8001), ("commands", 8004)
BODIES = (8002, 8003)
HOST = "{env.SITE_HOST}"
CERTIFICATES = Path("/data")


def configuration() -> dict[str, Any]:
    """Return the demo's configuration with these servers, this host name and a certificate."""
    made = proxy.settings(
        listen=[":443"],
        web_port=WEB[1],
        commands_port=COMMANDS[1],
        events_port=EVENTS[1],
        body_ports=BODIES,
        storage=CERTIFICATES,
        every_spin=True,  # made with the image, where nobody knows yet where points live
    )
    text = json.dumps(made)
    for name, port in (WEB, EVENTS, COMMANDS):
        text = text.replace(f'"{ports.LOOPBACK}:{port}"', f'"{name}:{port}"')
    changed: dict[str, Any] = json.loads(text)
    front = changed["apps"]["http"]["servers"]["front"]
    del front["automatic_https"]
    named = {"handler": "subroute", "routes": front["routes"]}
    front["routes"] = [{"match": [{"host": [HOST]}], "handle": [named], "terminal": True}]
    return changed


if __name__ == "__main__":
    json.dump(configuration(), sys.stdout, indent=2)
