"""What the pages say of refusals by limits, breaks, ages, places and terms."""

from datetime import UTC, datetime
from typing import Any

import pytest

from compliance import errors
from core.errors import DomainError
from perfqueue.errors import ServiceCapReached
from xxxchat.pages.refusals import refusal_of

AT = datetime(2026, 11, 29, 9, 14, tzinfo=UTC)
LIMIT: dict[str, Any] = {
    "currency": "POINT",
    "window": "24h",
    "scope": "user",
    "limit": 2_500,
    "used": 2_450,
    "freesAt": AT,
}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.SelfExcluded(until=AT),
            "Excluded until 29 November 2026. Nothing was taken. Nobody can end it early."
            " Buying from performers and leaving a line still work.",
        ),
        (
            errors.SelfExcluded(until=None),
            "Excluded for good. Nothing was taken. Nobody can end it early."
            " Buying from performers and leaving a line still work.",
        ),
        (
            errors.TimedOut(until=AT),
            "Break until Sun 29 Nov, 09:14 UTC. Nothing was taken. Nobody can shorten it.",
        ),
        (errors.TimedOut(until=None), "You take a break. Nothing was taken. Nobody can shorten it."),
        (
            errors.AgeVerificationFailed(minimumAge=21),
            "You must be 21 to play here. Nothing was taken. Is the date of birth wrong? Write to support.",
        ),
        (
            errors.JurisdictionBlocked(region="DRY", feature="slots"),
            "This is not offered where you are (DRY). Nothing was taken. Buying from performers still works.",
        ),
        (
            errors.JurisdictionBlocked(region=None, feature="slots"),
            "The region you are in is unknown. Nothing was taken. Buying from performers still works.",
        ),
        (
            errors.RealityCheckDue(elapsedSeconds=1_830, netPoints=-1_150),
            "You have played for 30 minutes. Net result −1,150 points. Keep playing, take a break or stop?",
        ),
        (
            errors.SpendLimitReached(**LIMIT),
            "This spin would pass your daily limit of 2,500 points. It frees up from 09:14 UTC."
            " You can lower it now; raising takes 24 hours.",
        ),
        (
            errors.SpendLimitReached(**LIMIT | {"scope": "operator", "window": "7d", "freesAt": None}),
            "This spin would pass the house’s 7-day limit of 2,500 points. Nothing was taken.",
        ),
        (
            errors.SpendLimitReached(**LIMIT | {"currency": "TOKEN", "window": "30d"}),
            "This purchase would pass your 30-day limit of 2,500 tokens. It frees up from 09:14 UTC."
            " You can lower it now; raising takes 24 hours.",
        ),
        (
            ServiceCapReached(cap=10, spent=9),
            "This feature may hold 10 for one person in 24 hours; 9 are held or spent. Nothing was held.",
        ),
        (
            errors.LimitPending(effectiveAt=AT),
            "Not before 09:14 UTC. The old limit holds until you confirm the higher one.",
        ),
        (errors.LimitPending(), "Not yet. The old limit holds until you confirm the higher one."),
        (errors.LimitTooHigh(operatorCap=10_000), "The house’s limit is 10,000. Choose up to that."),
        (
            errors.TermsOutdated(version=2),
            "The terms have a newer version. Nothing was accepted. Read it, then accept it.",
        ),
    ],
)
def test_a_refusal_says_what_happened_and_what_to_do(error: DomainError, text: str) -> None:
    assert str(refusal_of(error)) == text
