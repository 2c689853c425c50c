"""The settings of the back end: what redroomrewards needs, and the rounds that it brings."""

import pytest

from xxxchat.celery import app
from xxxchat.tests.test_environment import OWN, bare, faults, settings

__all__ = ["bare"]
REMOTE = {
    "LOYALTY_BACKEND": "redroomrewards",
    "RRR_BASE_URL": "https://points.example/",
    "RRR_CLIENT_ID": "us",
    "RRR_CLIENT_SECRET": "s" * 16,
    "RRR_WEBHOOK_SECRET": "w" * 32,
}


def test_points_live_here_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, **OWN)

    assert (found["LOYALTY_BACKEND"], found["LOYALTY_EARN_POINTS_PER_TOKEN"]) == ("local", 0)
    assert not [name for name in found["CELERY_BEAT_SCHEDULE"] if name.startswith("loyalty")]


def test_redroomrewards_brings_its_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, **OWN | REMOTE)

    app.loader.import_default_modules()
    rounds = {each["task"] for each in found["CELERY_BEAT_SCHEDULE"].values() if each["task"].startswith("loyalty.")}
    assert rounds <= set(app.tasks)
    assert rounds == {
        *("loyalty.deliver", "loyalty.reconcile", "loyalty.earn", "loyalty.compare"),
        "loyalty.follow_events",
    }
    assert found["RRR_BASE_URL"] == "https://points.example"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"LOYALTY_BACKEND": "elsewhere"}, "LOYALTY_BACKEND must be local or redroomrewards."),
        ({"RRR_BASE_URL": "http://points.example"}, "RRR_BASE_URL must be https://host."),
        ({"RRR_CLIENT_ID": ""}, "RRR_CLIENT_ID is not set."),
        ({"RRR_CLIENT_SECRET": ""}, "RRR_CLIENT_SECRET is not set."),
        ({"RRR_WEBHOOK_SECRET": "short"}, "RRR_WEBHOOK_SECRET must have 32 characters or more."),
        ({"RRR_TRY_TIMEOUT_S": "0"}, "RRR_TRY_TIMEOUT_S must be more than 0 and at most 3600."),
        ({"RRR_TOTAL_TIMEOUT_S": "soon"}, "RRR_TOTAL_TIMEOUT_S must be a number."),
        ({"RRR_BREAKER_FAILURES": "0"}, "RRR_BREAKER_FAILURES must be 1 or more."),
        ({"LOYALTY_EARN_POINTS_PER_TOKEN": "-1"}, "LOYALTY_EARN_POINTS_PER_TOKEN must lie between 0 and 1000."),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], fault: str) -> None:
    assert faults(monkeypatch, **OWN | REMOTE | given) == [fault]
