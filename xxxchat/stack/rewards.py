"""RedRoomRewards in the demo: the server that RRR_BASE_URL names, else the stand-in as a part of the stack."""

from collections.abc import Mapping

from xxxchat.stack import lineup, ports
from xxxchat.stack.errors import StackError

DEFAULTS = {
    "RRR_CLIENT_ID": "xxxchat-demo",
    "RRR_CLIENT_SECRET": "demo-only-client-secret",
    "RRR_WEBHOOK_SECRET": "demo-only-loyalty-webhook-secret",
}


def variables(given: Mapping[str, str]) -> dict[str, str]:
    """Return what the product needs to find RedRoomRewards, beside what was given; nothing where points are ours.

    Without RRR_BASE_URL it is the stand-in, on RRR_STANDIN_PORT or a free port.

    Raises:
        StackError: the port is not a number, or taken.
    """
    if not lineup.points_are_elsewhere(given):
        return {}
    found = {name: given.get(name) or value for name, value in DEFAULTS.items()}
    if given.get("RRR_BASE_URL"):
        return found | {"RRR_STANDIN_PORT": ""}
    port = lineup.number(given, "RRR_STANDIN_PORT", ports.free_ports(1)[0], most=65_535)
    if not ports.is_free(port):
        raise StackError(f"RRR_STANDIN_PORT {port} is taken. Choose another, or none.")
    return found | {"RRR_STANDIN_PORT": str(port), "RRR_BASE_URL": f"http://{ports.LOOPBACK}:{port}"}


def shown(environment: Mapping[str, str]) -> str:
    """Return where points live, for the person at the terminal; empty where they are ours."""
    if not lineup.points_are_elsewhere(environment):
        return ""
    what = "the stand-in RedRoomRewards" if environment["RRR_STANDIN_PORT"] else "RedRoomRewards"
    return f"points in {what} {environment['RRR_BASE_URL']}"
