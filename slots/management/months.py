"""Months as arguments of commands."""

from argparse import ArgumentTypeError
from datetime import date


def month(text: str) -> date:
    """Read a month such as 2026-10."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no month such as 2026-10") from None
