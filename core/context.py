"""The id of the current request or task, recorded in logs, transitions, events and task headers."""

import structlog


def request_id() -> str:
    """Return the id of the current request or task; empty outside of both."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
