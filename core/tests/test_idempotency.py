"""One key, one effect."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from core import idempotency
from core.clock import db_now
from core.db import rows
from core.errors import IdempotencyKeyReused, RequestInProgress
from core.idempotency import Answer, Aside, fingerprint_of, once, replay
from core.ids import new_id
from core.models import Heartbeat, IdempotencyKey
from core.tasks import prune_keys, prune_tokens
from tests import world
from tests.clock import Clock
from tests.racing import race
from xxxchat.celery import app

pytestmark = pytest.mark.django_db(transaction=True)
CALLER = new_id()


def ask(key: str = "the-key-1", body: object = None, *, name: str = "done", **more: object) -> Answer:
    return once(
        caller=CALLER,
        operation="test.work",
        key=key,
        fingerprint=fingerprint_of("POST", "/x", body),
        render=lambda result: {"result": result},
        **{"work": lambda: Heartbeat.objects.create(name=name).name, **more},  # type: ignore[arg-type]
    )


def known(key: str = "the-key-1", body: object = None) -> Answer | None:
    return replay(caller=CALLER, operation="test.work", key=key, fingerprint=fingerprint_of("POST", "/x", body))


def test_the_first_answer_is_kept_byte_for_byte_with_its_status() -> None:
    assert known() is None

    first = ask(status=201)

    assert first == Answer(201, b'{"result":"done"}')
    assert known() == Answer(201, b'{"result":"done"}', replayed=True)


def test_another_request_under_the_same_key_is_refused_before_and_after_the_look_up() -> None:
    ask(body={"a": 1})

    with pytest.raises(IdempotencyKeyReused):
        known(body={"a": 2})
    with pytest.raises(IdempotencyKeyReused):
        ask(body={"a": 2}, name="other")
    assert not Heartbeat.objects.filter(name="other").exists()


def test_the_look_up_reads_something_aside_whether_the_key_is_known_or_not() -> None:
    def look(key: str) -> tuple[Answer | None, list[int]]:
        aside = Aside("SELECT n FROM generate_series(1, %s) n", [3])
        found = replay(
            caller=CALLER,
            operation="test.work",
            key=key,
            fingerprint=fingerprint_of("POST", "/x", None),
            aside=aside,
        )
        return found, aside.values

    first = ask()

    assert look("the-key-1") == (Answer(200, first.body, replayed=True), [1, 2, 3])
    assert look("the-key-2") == (None, [1, 2, 3])


def test_keys_are_the_callers_own_and_the_operations_own() -> None:
    ask()

    for caller, operation in ((new_id(), "test.work"), (CALLER, "test.other")):
        assert replay(caller=caller, operation=operation, key="the-key-1", fingerprint=b"") is None


def test_a_refusal_leaves_no_key_and_no_work() -> None:
    def refuse() -> None:
        Heartbeat.objects.create(name="refused")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(work=refuse)

    assert not Heartbeat.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert ask().replayed is False


def test_an_answer_that_cannot_be_rendered_undoes_the_work() -> None:
    with pytest.raises(TypeError):
        ask(render=lambda _: object())

    assert not Heartbeat.objects.exists()


def test_what_runs_before_is_committed_whatever_the_work_does() -> None:
    def refuse() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(work=refuse, before=lambda: Heartbeat.objects.create(name="before"))

    assert Heartbeat.objects.filter(name="before").exists()


def test_a_twin_waits_for_the_first_and_gets_its_answer() -> None:
    claimed, twin_comes = threading.Event(), threading.Event()

    def slow() -> str:
        claimed.set()
        assert twin_comes.wait(timeout=20)
        return "first"

    def twin() -> Answer:
        assert claimed.wait(timeout=20)
        twin_comes.set()
        return ask(name="twin")

    outcomes = race(lambda: ask(work=slow), twin)

    assert outcomes[0] == Answer(200, b'{"result":"first"}')
    assert outcomes[1] == Answer(200, b'{"result":"first"}', replayed=True)
    assert not Heartbeat.objects.exists()


def test_a_twin_of_a_refused_request_does_the_work_itself() -> None:
    claimed, twin_comes = threading.Event(), threading.Event()

    def refuse() -> str:
        claimed.set()
        assert twin_comes.wait(timeout=20)
        raise ZeroDivisionError

    def twin() -> Answer:
        assert claimed.wait(timeout=20)
        twin_comes.set()
        return ask(name="twin")

    outcomes = race(lambda: ask(work=refuse), twin)

    assert isinstance(outcomes[0], ZeroDivisionError)
    assert outcomes[1] == Answer(200, b'{"result":"twin"}')


def test_a_concurrent_request_that_waited_too_long_is_asked_to_retry() -> None:
    claimed, gave_up = threading.Event(), threading.Event()

    def slow() -> str:
        claimed.set()
        assert gave_up.wait(timeout=20)
        return "first"

    def twin() -> Answer:
        assert claimed.wait(timeout=20)
        rows("SELECT set_config('lock_timeout', '100ms', false)")  # of this racer's connection alone
        try:
            return ask(name="twin")
        finally:
            gave_up.set()

    outcomes = race(lambda: ask(work=slow), twin)

    assert outcomes[0] == Answer(200, b'{"result":"first"}')
    assert isinstance(outcomes[1], RequestInProgress)
    assert outcomes[1].retry_after_s == 1


def test_the_fingerprint_covers_method_path_and_body_in_canonical_form() -> None:
    same = {fingerprint_of("POST", "/a", body) for body in ({"a": 1, "b": [2]}, {"b": [2], "a": 1})}
    others = {fingerprint_of(method, path, {}) for method, path in (("POST", "/a"), ("POST", "/b"), ("PUT", "/a"))}

    assert (len(same), len(others)) == (1, 3)
    assert fingerprint_of("POST", "/a", {"a": 1}) != fingerprint_of("POST", "/a", {"a": "1"})
    assert fingerprint_of("POST", "/a", {"a": "\ud800"}) != fingerprint_of("POST", "/a", {"a": "?"})


def test_keys_are_forgotten_after_thirty_days_and_not_before(clock: Clock) -> None:
    def keep(key: str) -> None:
        IdempotencyKey.objects.create(
            caller=new_id(), operation="o", key=key, fingerprint=b"", status=200, body=b"{}", at=db_now()
        )

    keep("old")
    clock.shift(days=1)
    keep("young")
    clock.shift(days=29, seconds=-1)
    assert idempotency.prune() == 0
    clock.shift(seconds=2)

    assert idempotency.prune() == 1
    assert [row.key for row in IdempotencyKey.objects.all()] == ["young"]


def test_many_old_keys_go_in_small_steps(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_PRUNED_ROWS", 3)
    IdempotencyKey.objects.bulk_create(
        [IdempotencyKey(caller=new_id(), operation="o", key=str(n), fingerprint=b"", at=db_now()) for n in range(7)]
    )
    clock.shift(days=31)

    assert idempotency.prune() == 7


def test_keys_are_forgotten_by_command_and_by_task(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for key, forget in (("the-key-1", lambda: call_command("prune_keys")), ("the-key-2", prune_keys)):
        ask(key, name=key)
        clock.shift(days=31)
        forget()
        assert not IdempotencyKey.objects.exists()
    assert "1 keys forgotten." in capsys.readouterr().out


def test_refresh_tokens_are_forgotten_once_they_have_expired() -> None:
    dead, alive = (RefreshToken.for_user(world.person())["jti"] for _ in range(2))
    OutstandingToken.objects.filter(jti=dead).update(expires_at=timezone.now() - timedelta(seconds=1))

    prune_tokens()

    assert [each.jti for each in OutstandingToken.objects.all()] == [alive]


def test_every_task_of_beats_schedule_is_registered() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
