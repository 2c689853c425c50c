"""What the tables of links, codes, events and breakers refuse, whoever writes."""

from typing import Any

import pytest
from django.db import IntegrityError

from core.clock import db_now
from loyalty.models import Link, LinkIntent, WebhookEvent
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)


def changed(row: Any, **change: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**change)


def refused(row: Any, **change: Any) -> bool:
    with pytest.raises(IntegrityError):
        changed(row, **change)
    return True


def test_a_number_becomes_that_of_an_erased_link_only_and_only_after_the_end() -> None:
    link = Link.objects.create(user=person(), member_id="RR-1")
    erased = f"erased-{link.pk}"

    assert refused(link, member_id=erased)
    changed(link, unlinked_at=db_now(), reason="erased")
    assert refused(link, member_id="RR-2")
    assert refused(link, member_id=erased, reason="another")
    changed(link, member_id=erased)
    assert refused(link, member_id="RR-1")
    assert refused(link, member_id=erased)


def test_tries_are_counted_one_by_one_until_a_code_is_confirmed() -> None:
    intent = LinkIntent.objects.create(user=person(), intent_id="i-1", link_code="7KQ4", expires_at=db_now())

    changed(intent, tries=1)
    assert refused(intent, tries=3)
    assert refused(intent, tries=0)
    changed(intent, confirmed_at=db_now())
    assert refused(intent, tries=2)
    assert refused(intent, confirmed_at=None)
    assert refused(intent, link_code="OTHER")
    changed(intent, link_code="")
    assert refused(intent, link_code="7KQ4")


def test_an_event_is_followed_while_it_waits_and_is_done_once() -> None:
    event = WebhookEvent.objects.create(
        event_id="1", type="LINK_UPDATED", body={"a": 1}, user=person(), due_at=db_now()
    )

    changed(event, due_at=db_now())
    assert refused(event, handled=True), "done, and due again"
    assert refused(event, user=person())
    assert refused(event, body={"a": 2})
    changed(event, due_at=None, handled=True, note="not linked there")
    assert refused(event, note="")
    assert refused(event, handled=False)
    assert refused(event, due_at=db_now())
    changed(event, body={})


def test_an_event_that_is_kept_only_is_never_due() -> None:
    event = WebhookEvent.objects.create(event_id="1", type="X", body={})

    assert refused(event, due_at=db_now())
    assert refused(event, handled=True)


@pytest.mark.parametrize("model", [Link, LinkIntent, WebhookEvent])
def test_no_row_is_removed(model: Any) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        model.objects.all().delete()
