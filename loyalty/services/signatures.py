"""The signature of RedRoomRewards' webhook."""

import hashlib
import hmac
import re
from collections.abc import Callable

from escrow.errors import SignatureInvalid

TOLERANCE_S = 300
HEX = re.compile(r"[0-9a-fA-F]{64}")
UNIX = re.compile(r"[0-9]{1,12}")


def signature(body: bytes, secret: str, *, at: str | None = None) -> str:
    """Return the hex HMAC-SHA256 that signs a body, after the text of its timestamp and a dot if it has one."""
    signed = body if at is None else at.encode() + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def assert_signed(read: Callable[[], bytes], given: str, *, at: str | None, secret: str, now_s: float) -> None:
    """Check the signature of a webhook in constant time. `at` is the header X-RRR-Timestamp; None without one.

    The body is read only if the headers are well-formed and recent. Without a secret nothing is signed. `now_s`: real
    time in seconds, not the movable clock.

    Raises:
        SignatureInvalid: malformed, more than 5 minutes old or ahead, or made with another secret, time or body.
    """
    if not secret or not HEX.fullmatch(given):
        raise SignatureInvalid
    if at is not None and (not UNIX.fullmatch(at) or abs(now_s - int(at)) > TOLERANCE_S):
        raise SignatureInvalid
    expected = signature(read(), secret, at=at)
    if not hmac.compare_digest(expected.encode(), given.lower().encode()):
        raise SignatureInvalid
