"""The history page: rows, filters, statistics, one spin with its proof."""

import json
import re
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from slots import services
from slots.services import past
from slots.tests.factories import losing, play, winning
from tests import world
from xxxchat.pages.tests.visiting import html, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_interval(settings: Any) -> None:
    settings.SLOTS_MIN_INTERVAL_MS = 0


def spun(name: str = "alice") -> User:
    """A player who lost, then won."""
    user = world.person(name, points=1_000)
    play(user=user, client_nonce=losing(user))
    play(user=user, client_nonce=winning(user))
    return user


def spins_of(user: User) -> list[Any]:
    """The spins of a player, oldest first."""
    return list(reversed(services.history(user=user, limit=10, offset=0).spins))


def page_of(user: User, query: str = "") -> str:
    return html(visitor(user).get(reverse("slots-history") + query))


def test_every_spin_is_listed_with_its_address_and_the_totals_above() -> None:
    user = spun()
    _, won = spins_of(user)

    text = page_of(user)

    for spin in spins_of(user):
        assert reverse("slots-spin", args=[spin.id]) in text
    assert re.search(r"<dt>Staked</dt> <dd class=\"num\"> 200 </dd>", text)
    assert re.search(rf"<dt>Won</dt> <dd class=\"num\"> {won.payout:,} </dd>", text)


def test_wins_only_leaves_the_others_out() -> None:
    user = spun()
    lost, won = spins_of(user)

    text = page_of(user, "?kind=wins")

    assert reverse("slots-spin", args=[won.id]) in text
    assert reverse("slots-spin", args=[lost.id]) not in text


def test_a_filter_that_stopped_at_its_bound_says_so(monkeypatch: Any) -> None:
    monkeypatch.setattr(past, "SCANNED_SPINS", 1)
    user = spun()
    play(user=user, client_nonce=losing(user))

    text = page_of(user, "?kind=wins")

    assert "spins were looked through for this page, back to" in text
    assert "No such spin" not in text
    assert "?kind=wins&amp;before=2" in text


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("?since=yesterday", "Enter a valid date."),
        ("?since=2026-11-02&until=2026-11-01", "This day is before the first one."),
    ],
)
def test_days_that_are_none_are_named(query: str, fault: str) -> None:
    text = page_of(spun(), query)

    assert fault in text
    assert text.count("past-row") == 2


def test_a_choice_that_nothing_fits_leads_back_to_every_spin() -> None:
    assert "No such spin" in page_of(spun(), "?until=2020-01-01")
    assert "No such spin" in page_of(spun("carol"), "?kind=nonsense")


def test_who_never_spun_is_led_to_the_machine() -> None:
    assert "No spins yet" in page_of(world.person("alice"))


def test_a_spins_page_carries_all_that_its_proof_rests_on() -> None:
    user = spun()
    before, spin = spins_of(user)

    text = visitor(user).get(reverse("slots-spin", args=[spin.id])).content.decode()

    found = re.search(r'<script id="proof" type="application/json">(.*?)</script>', text)
    assert found is not None
    proof = json.loads(found[1])
    assert proof["sealedBefore"] == bytes(before.next_commitment).hex()
    assert proof["answer"]["fairness"]["seed"] == bytes(spin.seed).hex()
    assert proof["answer"]["result"] == {"symbols": spin.symbols, "payout": spin.payout}
    assert proof["table"]["id"] == "classic-95"


def test_somebody_elses_spin_is_not_found() -> None:
    spin, _ = spins_of(spun())

    assert visitor(world.person("bob")).get(reverse("slots-spin", args=[spin.id])).status_code == 404


def test_performers_have_no_history() -> None:
    performer, _ = stage("Request a song")

    assert visitor(performer).get(reverse("slots-history")).status_code == 403
