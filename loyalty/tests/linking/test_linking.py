"""Linking a membership: the code, the proof, one to one both ways, lost answers, and unlinking with a reason."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role, User
from core.errors import NotFound, ValidationFailed
from core.ids import new_id
from loyalty import client, services
from loyalty.errors import AlreadyLinked, AlreadyUnlinked, CodeRunOut, LoyaltyUnavailable, MemberTaken
from loyalty.models import KnownBalance, Link, LinkIntent
from loyalty.services.linking import MOST_TRIES, LinkView, Proof, confirm_link, start_link, unlink
from loyalty.tests.linking.linked import PROOF, Membership, linked, member
from tests.racing import names, race
from tests.standin import StandIn
from tests.world import person, staff

pytestmark = pytest.mark.django_db(transaction=True)
RIGHT, WRONG = Proof("code", PROOF), Proof("code", "000000")


def confirm(user: User, intent: services.IntentView, joined: Membership, proof: Proof = RIGHT) -> LinkView:
    return confirm_link(user_id=user.pk, intent_id=intent.id, member_id=joined.member_id, proof=proof)


def attempt(user: User, joined: Membership, proof: Proof = RIGHT) -> LinkView:
    return confirm(user, start_link(user_id=user.pk), joined, proof)


def test_a_code_and_its_proof_link_and_the_balance_is_known(standin: StandIn) -> None:
    user, joined = person(), member(standin, balance=8_450)

    intent = start_link(user_id=user.pk)
    link = confirm(user, intent, joined)

    assert intent.link_code
    assert 500 < intent.seconds_left <= 600
    assert (link.linked, link.member_id) == (True, joined.member_id)
    assert services.link_of(user.pk) == link
    assert KnownBalance.objects.get(user=user).balance == 8_450
    assert services.open_intent_of(user.pk) is None


def test_the_membership_is_kept_under_the_number_that_redroomrewards_writes(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    standin.steering.put_members(
        [{"memberId": joined.member_id, "proof": PROOF, "clientUserId": str(user.pk), "balance": 1}]
    )
    other = member(standin)

    with pytest.raises(MemberTaken):
        attempt(user, other)
    assert attempt(user, joined).member_id == joined.member_id


def test_a_wrong_proof_is_refused_and_the_code_stays_good(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    intent = start_link(user_id=user.pk)

    with pytest.raises(ValidationFailed) as refused:
        confirm(user, intent, joined, WRONG)

    assert list(refused.value.details) == ["proof"]
    assert services.open_intent_of(user.pk) == intent
    assert confirm(user, intent, joined).linked


def test_a_code_has_ten_tries(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    intent = start_link(user_id=user.pk)

    for place in range(MOST_TRIES):
        with pytest.raises(ValidationFailed):
            confirm(user, intent, joined, Proof("code", f"{place:06}"))

    with pytest.raises(CodeRunOut):
        confirm(user, intent, joined)
    assert services.open_intent_of(user.pk) is None
    assert not Link.objects.exists()


def test_a_code_whose_time_has_run_out_sends_nothing(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    intent = start_link(user_id=user.pk)
    row = LinkIntent.objects.get(pk=intent.id)
    LinkIntent.objects.create(
        user=user, intent_id="old", link_code="OLD", expires_at=row.created_at, created_at=row.created_at
    )
    before = standin.steering.stats()

    with pytest.raises(CodeRunOut):
        confirm_link(
            user_id=user.pk,
            intent_id=LinkIntent.objects.get(intent_id="old").pk,
            member_id=joined.member_id,
            proof=RIGHT,
        )

    assert standin.steering.stats()["connections"] == before["connections"]


def test_a_code_of_somebody_else_is_unknown(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    intent = start_link(user_id=person().pk)

    with pytest.raises(NotFound):
        confirm(user, intent, joined)
    with pytest.raises(NotFound):
        confirm_link(user_id=user.pk, intent_id=new_id(), member_id=joined.member_id, proof=RIGHT)


def test_an_account_is_linked_to_one_membership(standin: StandIn) -> None:
    user = linked(standin)

    with pytest.raises(AlreadyLinked):
        start_link(user_id=user.pk)


def test_what_was_confirmed_is_answered_again(standin: StandIn) -> None:
    user, joined = person(), member(standin)
    intent = start_link(user_id=user.pk)
    first = confirm(user, intent, joined)

    assert confirm(user, intent, joined) == first
    assert Link.objects.count() == 1


def test_a_membership_of_another_account_is_taken_and_nothing_is_sent(standin: StandIn) -> None:
    holder, user = linked(standin), person()
    taken = Membership(Link.objects.get(user=holder).member_id, 0)
    intent = start_link(user_id=user.pk)
    calls = standin.steering.stats()["calls"]

    with pytest.raises(MemberTaken):
        confirm(user, intent, taken)

    assert standin.steering.stats()["calls"] == calls
    assert not services.link_of(user.pk).linked


@pytest.mark.parametrize("round_", range(3))
def test_of_two_accounts_that_confirm_one_membership_at_once_one_is_linked(standin: StandIn, round_: int) -> None:
    joined, users = member(standin), [person() for _ in range(4)]
    intents = [start_link(user_id=user.pk) for user in users]

    outcomes = race(*(partial(confirm, user, each, joined) for user, each in zip(users, intents, strict=True)))

    assert names(outcomes) == {"LinkView": 1, "MemberTaken": 3}
    assert Link.objects.filter(member_id=joined.member_id).count() == 1


def test_an_account_that_confirms_two_memberships_at_once_is_linked_to_one(standin: StandIn) -> None:
    user, joined = person(), [member(standin) for _ in range(3)]
    intents = [start_link(user_id=user.pk) for _ in joined]

    outcomes = race(*(partial(confirm, user, intent, each) for each, intent in zip(joined, intents, strict=True)))

    found = names(outcomes)
    assert found["LinkView"] >= 1
    assert set(found) <= {"LinkView", "AlreadyLinked", "MemberTaken"}
    assert Link.objects.filter(user=user, unlinked_at=None).count() == 1


def naive_link(user: User, joined: Membership, all_have_read: threading.Barrier) -> bool:
    """Read, then write, in a table without the index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM scratch_link WHERE member_id = %s", [joined.member_id])
        is_free: bool = cursor.fetchone()[0] == 0
        all_have_read.wait(timeout=30)
        if is_free:
            cursor.execute("INSERT INTO scratch_link VALUES (%s, %s)", [user.pk, joined.member_id])
    return is_free


def test_read_then_write_would_link_one_membership_twice(standin: StandIn) -> None:
    joined, users = member(standin), [person() for _ in range(4)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scratch_link (user_id uuid, member_id text)")
    try:
        all_have_read = threading.Barrier(len(users))
        outcomes = race(*(partial(naive_link, user, joined, all_have_read) for user in users))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE scratch_link")

    assert outcomes == [True] * 4


@pytest.mark.parametrize("kind", ["error_503", "drop_before", "drop_after"])
def test_a_lost_answer_is_asked_for_again_with_the_same_key(standin: StandIn, kind: str) -> None:
    user, joined = person(), member(standin)
    intent = start_link(user_id=user.pk)
    standin.steering.fault(kind, rate=1, path="/api/v1/links/confirm")

    with pytest.raises(LoyaltyUnavailable):
        confirm(user, intent, joined)
    assert not services.link_of(user.pk).linked
    standin.steering.clear()

    assert confirm(user, intent, joined).linked


def test_no_code_comes_while_redroomrewards_is_away(standin: StandIn) -> None:
    user = person()
    standin.steering.fault("error_503", rate=1)

    with pytest.raises(LoyaltyUnavailable):
        start_link(user_id=user.pk)

    assert not LinkIntent.objects.exists()


def test_no_transaction_is_open_while_redroomrewards_is_asked(standin: StandIn, monkeypatch: Any) -> None:
    user, joined = person(), member(standin)
    open_ones, asked = [], client.run

    def watched(work: Any) -> Any:
        open_ones.append(connection.in_atomic_block)
        return asked(work)

    monkeypatch.setattr(client, "run", watched)

    attempt(user, joined)

    assert open_ones == [False] * 3


def test_support_ends_a_link_with_a_reason_and_it_can_be_made_anew(standin: StandIn) -> None:
    user, joined, support = person(), member(standin), staff(Role.SUPPORT)
    attempt(user, joined)
    link = Link.objects.get(user=user)

    with pytest.raises(ValidationFailed):
        unlink(link_id=link.pk, actor=support, reason=" ")
    unlink(link_id=link.pk, actor=support, reason="Lost the card.")

    with pytest.raises(AlreadyUnlinked):
        unlink(link_id=link.pk, actor=support, reason="Again.")
    with pytest.raises(NotFound):
        unlink(link_id=new_id(), actor=support, reason="Nobody.")
    ended = Link.objects.get(pk=link.pk)
    assert (ended.unlinked_by, ended.reason) == (support, "Lost the card.")
    assert not services.link_of(user.pk).linked
    assert not KnownBalance.objects.filter(user=user).exists()
    assert attempt(user, joined).linked


def test_nothing_is_linked_where_points_live_here(settings: Any) -> None:
    settings.LOYALTY_BACKEND = "local"

    with pytest.raises(NotFound):
        start_link(user_id=person().pk)
    with pytest.raises(NotFound):
        confirm_link(user_id=person().pk, intent_id=new_id(), member_id="x", proof=RIGHT)
