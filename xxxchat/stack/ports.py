"""Free TCP ports on the loop-back address."""

import random
import socket

from xxxchat.stack.errors import StackError

LOOPBACK = "127.0.0.1"
LOOPBACK_V6 = "::1"
# Below the range that outgoing connections take their own ports from: none is lost before it is used.
CANDIDATES = range(15_000, 30_000)
TRIES = 200
_given_out: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free, none of which this process was given before.

    Raises:
        StackError: too few were found.
    """
    tried = random.SystemRandom().sample(CANDIDATES, TRIES)  # in random order: a set would prefer some ports
    found = [port for port in tried if port not in _given_out and is_free(port, reuse=False)][:count]
    if len(found) < count:
        raise StackError(f"No {count} free ports between {CANDIDATES.start} and {CANDIDATES.stop}.")
    _given_out.update(found)
    return found


def is_free(port: int, *, host: str = LOOPBACK, reuse: bool = True) -> bool:
    """Return whether `port` can be listened on; False too when the machine has no such address.

    Without `reuse` not if closed connections linger there, or a server has bound it and does not listen yet.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
            probe.bind((host, port))
    except OSError:
        return False
    return True


def reserve(address: str) -> socket.socket:
    """Keep a free `host:port` from others until the socket is closed; a server that shares ports may listen there.

    The proxy does (SO_REUSEPORT): its port is not taken by somebody else before it starts, nor while it restarts. Where
    closed connections of another server still linger on it, it is shared with whoever reuses addresses, too.

    Raises:
        StackError: somebody listens there.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    for options in ((socket.SO_REUSEPORT,), (socket.SO_REUSEPORT, socket.SO_REUSEADDR)):
        kept = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        for option in options:
            kept.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            kept.bind((host, int(port)))
        except OSError:
            kept.close()
        else:
            return kept
    raise StackError(f"Port {port} on {host} is taken.")
