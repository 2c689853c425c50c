"""Every refusal of a spin or a purchase has its reason and its next step, wherever it can be met."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from core import errors
from core.errors import DomainError
from menus.api import BuyItem
from slots.api.play import Spin
from tests import world
from xxxchat.pages.refusals import STEPS, TEXTS, Refusal, refusal_of
from xxxchat.pages.tests.visiting import html, stage, visitor

ANYWHERE = (errors.Unauthenticated, errors.CsrfFailed, errors.LedgerUnavailable, errors.QueueBusy, errors.NotFound)
SPINS = {error.code: error for error in (*ANYWHERE, *Spin.refuses)}
PURCHASES = {error.code: error for error in (*ANYWHERE, *BuyItem.refuses)}
EVERY: dict[str, type[DomainError]] = SPINS | PURCHASES
MONEY = re.compile(
    "Nothing was (taken|held|changed)|did not spin|Keep playing, take a break or stop|You can lower it now"
    "|come back by themselves"
)
ADVICE = re.compile(
    "[Aa]gain|Pick|Read|Leave|wait|Look|support|come back|comes back|opens when|goes on|spin|Ready in|frees up|Buy at"
    "|still works?|Nobody can|stop[?]|not yours|line is closed",
)


def refusal(code: str) -> Refusal:
    """The text of a code, with the details that its documentation shows."""
    return refusal_of(EVERY[code](**getattr(EVERY[code], "example", {})), "Ruby")


def test_the_gates_are_all_there() -> None:
    gates = (
        *("ROLE_NOT_ALLOWED", "GAME_DISABLED", "SELF_EXCLUDED", "TIMED_OUT", "AGE_VERIFICATION_REQUIRED"),
        *("AGE_VERIFICATION_FAILED", "JURISDICTION_BLOCKED", "TERMS_NOT_ACCEPTED", "PAYTABLE_CHANGED", "INVALID_BET"),
        *("COMMITMENT_STALE", "REALITY_CHECK_DUE", "SPIN_TOO_FAST", "RATE_LIMIT_EXCEEDED", "SPEND_LIMIT_REACHED"),
        *("INSUFFICIENT_BALANCE", "WALLET_FROZEN"),
    )

    assert set(gates) <= set(SPINS)


@pytest.mark.parametrize("code", sorted(EVERY))
def test_a_refusal_says_the_reason_the_money_and_the_next_step(code: str) -> None:
    assert code in TEXTS
    refused = refusal(code)
    shown = render_to_string("pages/part/refusal.html", {"refusal": refused})

    assert refused.fact
    assert MONEY.search(str(refused))
    assert refused.step or ADVICE.search(str(refused))
    if refused.step:
        link = f'<a class="link" href="{refused.step.href}">{refused.step.label}</a>'
        assert link in shown
        assert refused.notice.endswith(link)


def test_the_script_knows_every_code_of_a_spin() -> None:
    source = (Path(settings.BASE_DIR) / "static/js/slot-texts.js").read_text(encoding="utf-8")
    table = source[source.index("const REFUSALS") : source.index("export function refusal")]
    known = dict(re.findall(r"^  ([A-Z_]+): (.*?),$(?=\n  [A-Z]|\n};)", table, re.MULTILINE | re.DOTALL))

    assert set(SPINS) - set(known) == set()
    assert all(not text.startswith('""') for text in known.values())


@pytest.mark.django_db(transaction=True)
def test_the_page_and_the_room_hold_the_next_step_of_every_code_of_a_spin() -> None:
    performer, _ = stage("Request a song")
    client = visitor(world.person("alice", points=1_000))

    for page in (reverse("slots"), reverse("room-slots", args=[performer.pk])):
        found = re.findall(r'href="([^"]+)" data-step="(\w+)" hidden', html(client.get(page)))
        assert {code: href for href, code in found} == {code: step.href for code, step in STEPS.items()}
