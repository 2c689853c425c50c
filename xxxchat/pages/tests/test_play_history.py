"""The history page: rows, filters, statistics, one spin with its proof."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from slots import services
from slots.services import past
from slots.services.paytables import active_paytable
from slots.tests.factories import losing, play, state_after, stored_paytable, winning
from slots.tests.spun import NOON
from slots.tests.spun import spun as spun_row
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


MIX = ("star", "star", "seven")


def test_a_win_is_named_by_the_table_it_was_played_with() -> None:
    """Of three symbols two are equal: a mix under one table, a pair under another."""
    user, mixing = world.person("alice", points=1_000), active_paytable()
    pairing = stored_paytable(pair={"star": 150})
    mix = spun_row(user.pk, 0, NOON, paytable=mixing, symbols=MIX)
    pair = spun_row(user.pk, 1, NOON, paytable=pairing, symbols=MIX)
    state_after(user, 2)

    words = {spin_id: html(visitor(user).get(reverse("slots-spin", args=[spin_id]))) for spin_id in (mix, pair)}

    assert "Star, star, seven pay 10,000 points" in words[mix]
    assert "Two stars pay 150 points" in words[pair]
    listed = page_of(user, "?since=2026-03-10&until=2026-03-10")
    assert re.findall(r'past-t sm">([^<]+)<', listed) == ["Two stars", "A paying mix"]
    assert "Two stars pay 150 points" in html(visitor(user).get(reverse("slots")))


def test_a_paid_spin_that_its_table_does_not_explain_is_shown_by_its_symbols() -> None:
    user = world.person("alice", points=1_000)
    odd = spun_row(user.pk, 0, NOON, paytable=active_paytable(), symbols=("star", "plum", "bell"), payout=700)

    assert "Star, plum, bell pay 700 points" in html(visitor(user).get(reverse("slots-spin", args=[odd])))


def proof_of(client: Client, address: str) -> dict[str, Any]:
    page = client.get(address).content.decode()
    found = re.search(r'<script id="proof" type="application/json">(.*?)</script>', page)
    assert found is not None
    proof: dict[str, Any] = json.loads(found[1])
    return proof


def test_the_first_spin_has_no_seal_to_compare_with_unless_the_player_kept_it() -> None:
    user = world.person("alice", points=1_000)
    shown = services.fairness(user=user).commitment.hex()
    play(user=user, client_nonce=losing(user))
    (spin,) = spins_of(user)
    client, address = visitor(user), reverse("slots-spin", args=[spin.id])

    assert proof_of(client, address)["sealedBefore"] is None, "its own seed's hash is no seal of before"
    assert "This is your first spin: no spin before it published its seal" in html(client.get(address))
    assert "It is the seal of this spin’s seed." in html(client.get(f"{address}?seal={shown.upper()}"))
    assert proof_of(client, f"{address}?seal={shown}")["sealedBefore"] == shown


@pytest.mark.parametrize(
    ("kept", "words"),
    [("ab" * 32, "It is not the seal of this spin’s seed."), ("ab", "A seal has 64 digits"), ("", "Paste the seal")],
)
def test_a_forged_seal_is_named(kept: str, words: str) -> None:
    user = world.person("alice", points=1_000)
    play(user=user, client_nonce=losing(user))
    address = reverse("slots-spin", args=[spins_of(user)[0].id])

    assert words in html(visitor(user).get(f"{address}?seal={kept}"))


def test_where_the_spin_before_it_is_gone_that_is_said() -> None:
    user = world.person("alice", points=1_000)
    later = spun_row(user.pk, 7, NOON, paytable=active_paytable())
    client, address = visitor(user), reverse("slots-spin", args=[later])

    assert "The spin before this one, which published its seal, is not stored here any more." in html(
        client.get(address)
    )
    assert proof_of(client, address)["sealedBefore"] is None


def test_somebody_elses_spin_is_not_found() -> None:
    spin, _ = spins_of(spun())

    assert visitor(world.person("bob")).get(reverse("slots-spin", args=[spin.id])).status_code == 404


def test_performers_have_no_history() -> None:
    performer, _ = stage("Request a song")

    assert visitor(performer).get(reverse("slots-history")).status_code == 403
