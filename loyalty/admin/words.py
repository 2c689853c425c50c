"""Short words for ids and spans of time. Pure."""

from datetime import datetime
from uuid import UUID


def short_user(user_id: UUID) -> str:
    """The end of an id, enough to tell the people on one page apart."""
    return f"u-{user_id.hex[-6:]}"


def short_source(key: str) -> str:
    """What an operation is for, by its key: "spin-0193ab…-credit" → "spin-…c1d2e3"."""
    kind, _, rest = key.partition("-")
    source = rest.rpartition("-")[0].replace("-", "")
    return f"{kind}-{source[-6:]}"


def span(since: datetime | None, now: datetime) -> str:
    """How long ago something was, or will be, in its largest unit: "40 s", "14 min", "26 h"."""
    if since is None:
        return ""
    seconds = abs(int((now - since).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7_200 else f"{seconds // 3_600} h"
