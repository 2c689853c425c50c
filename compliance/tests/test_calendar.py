"""Birthdays."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.calendar import birthday, has_age, months_after

LEAP = date(2008, 2, 29)


@pytest.mark.parametrize(
    ("born", "years", "day"),
    [
        (date(2008, 11, 29), 18, date(2026, 11, 29)),
        (LEAP, 18, date(2026, 3, 1)),
        (LEAP, 20, date(2028, 2, 29)),
        (date(2007, 12, 31), 21, date(2028, 12, 31)),
    ],
)
def test_somebody_is_so_old_from_the_beginning_of_the_day(born: date, years: int, day: date) -> None:
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)

    assert birthday(born, years) == day
    assert has_age(born, years, begins)
    assert not has_age(born, years, begins - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-08-31T12:30", 6, "2027-02-28T12:30"),
        ("2027-08-31T00:00", 6, "2028-02-29T00:00"),
        ("2024-02-29T23:59", 12, "2025-02-28T23:59"),
        ("2024-02-29T23:59", 60, "2029-02-28T23:59"),
        ("2026-12-31T01:00", 6, "2027-06-30T01:00"),
        ("2026-03-29T02:30", 6, "2026-09-29T02:30"),
        ("2026-12-15T08:00", 12, "2027-12-15T08:00"),
    ],
)
def test_months_end_on_the_same_day_or_the_last_of_a_shorter_month(start: str, months: int, end: str) -> None:
    found = months_after(datetime.fromisoformat(f"{start}+00:00"), months)

    assert found == datetime.fromisoformat(f"{end}+00:00")


@given(
    at=st.datetimes(datetime(1970, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  aware by timezones
    months=st.integers(1, 120),
)
def test_months_never_skip_one_and_never_run_back(at: datetime, months: int) -> None:
    end = months_after(at, months)

    assert (end.year * 12 + end.month) - (at.year * 12 + at.month) == months
    assert end.timetz() == at.timetz()
    assert end.day == at.day or (end + timedelta(days=1)).day == 1
    assert months_after(at, months + 1) > end


def test_another_zone_counts_in_utc() -> None:
    at = datetime(2026, 8, 31, 23, 30, tzinfo=timezone(timedelta(hours=-2)))

    assert months_after(at, 1) == datetime(2026, 10, 1, 1, 30, tzinfo=UTC)
