"""The wallet's page and its statement."""

import pytest
from django.urls import reverse

from perfqueue import services as perfqueue
from tests import world
from xxxchat.pages.tests.visiting import html, stage, visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_statement_says_what_was_held_paid_and_came_back() -> None:
    performer, _ = stage("Request a song")
    buyer = world.person("alice", tokens=300)
    left, split = world.buy(buyer, performer, tokens=100), world.buy(buyer, performer, tokens=100)
    perfqueue.leave(item_id=left.pk, actor=buyer)
    perfqueue.start(item_id=split.pk, actor=performer)
    perfqueue.finish(item_id=split.pk, actor=performer, settle=61, refund=39, reason="The connection dropped")

    page = html(visitor(buyer).get(reverse("wallet")))

    for shown in ("Added", "Held", "Back", "61 paid from what was held, 39 back", "+39", "\N{MINUS SIGN}100", "239"):
        assert shown in page
    assert "Earned" in html(visitor(performer).get(reverse("wallet")))


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 10])
def test_a_statement_page_that_does_not_exist_is_empty_or_whole(before: str) -> None:
    client = visitor(world.person("alice", tokens=300))

    assert client.get(reverse("wallet"), {"before": before}).status_code == 200
