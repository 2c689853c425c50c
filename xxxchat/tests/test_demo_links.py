"""The demo's buyers are linked by its seed, once; a RedRoomRewards that refuses or is away holds nothing up."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from loyalty.models import Link
from loyalty.tests.linking.linked import living_there

pytestmark = pytest.mark.django_db(transaction=True)


def seeded() -> str:
    written = StringIO()
    call_command("seed_demo", stdout=written)
    return written.getvalue()


def test_buyers_are_linked_as_members_of_their_names(settings: Any) -> None:
    with living_there(settings) as standin:
        standin.steering.put_members(
            [{"memberId": f"member-{name}", "proof": "000000", "balance": 5} for name in ("alice", "bob", "carol")]
        )

        first, again = seeded(), seeded()

    assert "not linked" not in first + again
    linked = Link.objects.values_list("user__username", "member_id")
    assert sorted(linked) == [(name, f"member-{name}") for name in ("alice", "bob", "carol")]


def test_the_demo_is_there_while_redroomrewards_is_away(settings: Any) -> None:
    with living_there(settings) as standin:
        standin.steering.fault("error_503", rate=1)
        settings.RRR_TOTAL_TIMEOUT_S = 1.0

        written = seeded()

    assert written.count("is not linked: Your points cannot be reached") == 3
    assert "The demo world is there." in written
    assert not Link.objects.exists()


def test_where_points_live_here_nobody_is_linked() -> None:
    assert seeded().strip() == "The demo world is there."
    assert not Link.objects.exists()
