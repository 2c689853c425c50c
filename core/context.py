"""What travels with one command through log lines, transitions, events and task headers."""

import structlog


def request_id() -> str:
    """Return the id of the request or task under way; empty outside of both."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
