"""Refusals of the streams."""

from core.errors import Kind, Refused


class TooManyStreams(Refused):
    """This person, this address or the whole process has as many open streams as it may."""

    kind, code = Kind.TOO_MANY, "RATE_LIMIT_EXCEEDED"
    message = "Too many streams are open, {limit} at most. Close one, or ask without a stream."
    example = {"limit": 5}
