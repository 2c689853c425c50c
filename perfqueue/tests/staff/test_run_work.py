"""Work on runs, item by item: after a lost worker, a busy queue or a defect."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Role, User
from core.errors import QueueBusy
from perfqueue import services
from perfqueue.models import Run, RunAction, RunItem, Transition
from perfqueue.services import AbandonPolicy, runs
from tests.racing import race
from tests.world import again, available, buy, performer

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_busy_waits_for_the_next_round(
    support: User, alice: User, ruby: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [buy(alice, ruby, 10), buy(alice, ruby, 10), buy(alice, performer(), 10)]
    run = services.open_run(action=RunAction.REFUND, item_ids=[item.id for item in items], actor=support, reason="x")
    real = services.refund

    def busy(**facts: Any) -> services.ItemFacts:
        if facts["item_id"] == items[0].id:
            raise QueueBusy
        return real(**facts)

    with monkeypatch.context() as patch:
        patch.setattr("perfqueue.services.runs.refund", busy)
        assert services.work_runs() == 1
    assert services.progress(run).worked == 1  # the other line's; the rest of the busy one waits too
    assert services.run_of(run.pk, action=RunAction.REFUND).ended_at is None

    assert services.work_runs() == 2
    assert services.run_of(run.pk, action=RunAction.REFUND).ended_at is not None
    assert {again(item).state for item in items} == {"refunded"}


def test_a_run_stops_where_its_author_may_no_longer_do_it(support: User, alice: User, ruby: User) -> None:
    item = buy(alice, ruby)
    run = services.open_run(action=RunAction.REFUND, item_ids=[item.id], actor=support, reason="x")
    User.objects.filter(pk=support.pk).update(role=Role.AUDITOR)

    services.work_runs(run_id=run.pk)

    assert services.results(run).get().code == "FORBIDDEN"
    assert again(item).state == "created"


def test_a_run_ends_reviews_and_splits(support: User, alice: User) -> None:
    lines = [performer(abandon_policy=AbandonPolicy.REVIEW) for _ in range(3)]
    started, reviewed, small = (buy(alice, ruby, tokens) for ruby, tokens in zip(lines, (100, 80, 20), strict=True))
    for item, ruby in zip((started, reviewed, small), lines, strict=True):
        services.start(item_id=item.id, actor=ruby)
    for item, ruby in ((reviewed, lines[1]), (small, lines[2])):
        services.abandon(item_id=item.id, actor=ruby)
    ids = [started.id, reviewed.id, small.id]

    split = services.open_run(action=RunAction.SPLIT, settle=60, item_ids=ids, actor=support, reason="half was seen")
    services.work_runs(run_id=split.pk)
    paid = services.open_run(action=RunAction.RESOLVE, item_ids=ids, actor=support, reason="all was seen")
    services.work_runs(run_id=paid.pk)

    assert list(services.results(split).values_list("code", "settled", "refunded")) == [
        ("", 60, 40), ("", 60, 20), ("SPLIT_MISMATCH", 0, 0),
    ]  # fmt: skip
    assert list(services.results(paid).values_list("code", "settled", "refunded")) == [
        ("INVALID_TRANSITION", 0, 0), ("INVALID_TRANSITION", 0, 0), ("", 20, 0),
    ]  # fmt: skip
    assert available(alice) == 10_000 - 60 - 60 - 20


def test_a_run_that_lost_its_worker_before_its_end_is_ended_by_the_next(support: User, alice: User, ruby: User) -> None:
    item = buy(alice, ruby)
    run = services.open_run(action=RunAction.REFUND, item_ids=[item.id], actor=support, reason="x")
    row = RunItem.objects.get(run=run)
    assert runs._work(row.pk, item.id) == 1  # and here it died
    assert services.run_of(run.pk, action=RunAction.REFUND).ended_at is None

    assert services.sweep("beat") == 0

    assert services.run_of(run.pk, action=RunAction.REFUND).ended_at is not None


def test_a_run_does_not_end_while_an_item_waits(support: User, alice: User, ruby: User) -> None:
    run = services.open_run(action=RunAction.REFUND, item_ids=[buy(alice, ruby).id], actor=support, reason="x")

    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(ended_at=run.created_at)


def test_two_workers_at_one_run_do_each_item_once(support: User, alice: User) -> None:
    lines = [performer(user_cap=15) for _ in range(2)]
    items = [buy(alice, lines[place % 2], 2) for place in range(30)]
    run = services.open_run(action=RunAction.REFUND, item_ids=[item.id for item in items], actor=support, reason="x")

    done = race(*[services.work_runs] * 4)

    assert sum(done) == 30
    assert set(services.results(run).values_list("code", "refunded")) == {("", 2)}
    assert Transition.objects.filter(to_state="refunded").count() == 30
    assert available(alice) == 10_000


def test_a_defect_is_one_items_result_and_stops_no_other_item(
    support: User, alice: User, ruby: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [buy(alice, ruby, 10) for _ in range(2)]
    run = services.open_run(action=RunAction.REFUND, item_ids=[item.id for item in items], actor=support, reason="x")
    real = services.refund

    def broken(**facts: Any) -> services.ItemFacts:
        if facts["item_id"] == items[0].id:
            raise KeyError("a defect")
        return real(**facts)

    with monkeypatch.context() as patch:
        patch.setattr("perfqueue.services.runs.refund", broken)
        assert services.work_runs() == 2

    assert list(services.results(run).values_list("code", flat=True)) == ["INTERNAL_ERROR", ""]
    assert [again(item).state for item in items] == ["created", "refunded"]
