"""Free TCP ports on the loop-back address."""

import random
import socket

from xxxchat.stack.errors import StackError

LOOPBACK = "127.0.0.1"
LOOPBACK_V6 = "::1"
# Below the range that outgoing connections take their own ports from: none is lost before it is used.
CANDIDATES = range(15_000, 30_000)
TRIES = 200


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free. Raises StackError if too few were found."""
    found = [port for port in random.SystemRandom().sample(CANDIDATES, TRIES) if is_free(port)][:count]
    if len(found) < count:
        raise StackError(f"No {count} free ports between {CANDIDATES.start} and {CANDIDATES.stop}.")
    return found


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Return whether `port` can be listened on; False too when the machine has no such address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return False
    return True
