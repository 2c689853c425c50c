"""Arithmetic with calendar dates, in UTC. Pure."""

from calendar import monthrange
from datetime import UTC, date, datetime


def birthday(born: date, years: int) -> date:
    """Return the day on which somebody becomes so many years old: of 29 February, 1 March in a common year."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def age_at(born: date, at: datetime) -> int:
    """Return how many whole years somebody is old."""
    years = at.astimezone(UTC).year - born.year
    return years if has_age(born, years, at) else years - 1


def has_age(born: date, years: int, at: datetime) -> bool:
    """Return whether somebody is that many years old: from the beginning of the birthday on."""
    return at.astimezone(UTC).date() >= birthday(born, years)


def months_after(at: datetime, months: int) -> datetime:
    """Return the same time of day so many calendar months later: on the last day of a month that is too short."""
    at = at.astimezone(UTC)
    years, month = divmod(at.month - 1 + months, 12)
    year, month = at.year + years, month + 1
    return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1]))
