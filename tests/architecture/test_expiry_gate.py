"""Every address that shows or commands a queue expires what is due in it first."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from accounts.models import Role, Scope, ServiceAccount, User
from menus.models import MenuItem
from menus.tests.factories import bought
from perfqueue import services
from perfqueue.models import QueueItem, Transition
from perfqueue.services import State
from tests.addresses import addresses
from tests.clock import Clock
from tests.hostile.asking import song_of
from tests.world import again, available, client_of, key, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)

NO_QUEUE = {
    "performer",  # performers only; one statement a page
    "admin/queue/refunds/<id:run_id>",
    "escrow/holds",
    "escrow/holds/<id:hold_id>",
}
NO_QUEUE_PAGES = {
    "sign-in", "sign-out", "account", "password", "theme", "wallet", "wallet-csv", "room-feed", "slots", "slots-live",
    "room-slots", "room-slots-live", "slots-history", "slots-spin", "spin", "studio-payout", "back-office",
    "sign-in-code", "sign-up", "confirm", "reset", "reset-password",
    "second-factor", "second-factor-codes", "second-factor-off", "limits", "limit-change", "limit-confirm", "time-out",
    "exclusion", "terms", "reality", "session-end", "other-sessions-end", "own-data", "own-data-state",
    "own-data-file", "erase", "erase-cancel",
    "loyalty", "loyalty-code", "loyalty-confirm", "slots-points",
}  # fmt: skip


class Scene:
    """A performer with a menu item, and an overdue head of the queue."""

    def __init__(self, clock: Clock) -> None:
        self.ruby, self.alice = performer(rope_drop_s=60), person(tokens=1_000)
        self.song: MenuItem = song_of(self.ruby, price=100)
        self.head = again(bought(self.alice, self.song))
        clock.shift(seconds=61)

    def assert_head_expired(self, address: str) -> None:
        head = again(self.head)
        assert (head.state, head.cause) == (State.REFUNDED, "ROPE_DROP_EXPIRED"), address
        steps = Transition.objects.filter(item=head).order_by("id").values_list("to_state", "cause")
        assert [*steps] == [("created", ""), *[(state, head.cause) for state in ("abandoned", "refunded")]], address
        assert services.Gate.of_performers([self.ruby.pk]).overdue() == [], address

    def path(self, route: str) -> str:
        item_id = self.song.pk if route.startswith("menus/") else self.head.pk
        return route.replace("<id:item_id>", str(item_id)).replace("<id:performer_id>", str(self.ruby.pk))

    def actor(self, roles: tuple[str, ...]) -> User:
        if Role.PERFORMER in roles and Role.USER not in roles:
            return self.ruby
        if Role.SERVICE in roles:
            service = person(role=Role.SERVICE)
            scopes = [Scope.INTAKE]
            ServiceAccount.objects.create(user=service, features=["arcade"], scopes=scopes, cap_per_user_day=1_000)
            return service
        return staff() if Role.SUPPORT in roles else self.alice

    def body(self, route: str) -> dict[str, object]:
        bodies: dict[str, dict[str, object]] = {
            "performer/<id:performer_id>/queue/settings": {"maxDepth": 10},
            "performer/<id:performer_id>/blocks": {"userId": str(person().pk)},
            "performer/<id:performer_id>/presence": {"state": "streaming"},
            "menus/items/<id:item_id>/purchase": {"expectedPrice": 100},
            "admin/queue/refunds": {"ids": [str(self.head.pk)], "reason": "x"},
            "queue/intake": {
                "idempotencyKey": "gate-0001", "sourceFeature": "arcade", "sourceEventId": "1", "tokens": 100,
                "performerId": str(self.ruby.pk), "userId": str(self.alice.pk), "currency": "TOKEN", "title": "A song",
                "escrowTransactionId": str(self.head.hold_id), "fulfilment": "performed",
            },
        }  # fmt: skip
        reason: dict[str, object] = {} if route.endswith("/leave") else {"reason": "x"}
        return bodies.get(route, reason if "queue/items/" in route else {})


def queue_addresses() -> Iterator[tuple[str, URLPattern]]:
    for route, pattern in addresses("api/v1/"):
        of_queue = pattern.callback.__module__.startswith("perfqueue.") or "purchase" in route
        if of_queue and route not in NO_QUEUE:
            yield route, pattern


def test_every_endpoint_of_a_queue_expires_what_is_due_first(clock: Clock) -> None:
    walked = 0
    for route, pattern in queue_addresses():
        view = pattern.callback.cls  # type: ignore[attr-defined]
        for method in ("get", "post", "patch", "delete"):
            if not hasattr(view, method):
                continue
            scene = Scene(clock)
            client = client_of(scene.actor(tuple(view.roles)))
            body = None if method == "get" else scene.body(route)
            headers = key() if view.operation and route != "queue/intake" else {}
            send = getattr(client, method)
            answer = send(f"/api/v1/{scene.path(route)}", body, format="json", headers=headers)
            assert answer.status_code in (200, 201, 403, 404, 409), f"{method} {route}: {answer.content.decode()}"
            assert answer.status_code != 403 or route == "queue/intake", f"{method} {route}: {answer.content.decode()}"
            scene.assert_head_expired(f"{method} {route}")
            walked += 1

    assert walked >= 25


def test_every_page_of_a_queue_expires_what_is_due_first(clock: Clock) -> None:
    walked = 0
    for _, pattern in addresses():
        if not pattern.callback.__module__.startswith("xxxchat.pages") or pattern.name in NO_QUEUE_PAGES:
            continue
        name = str(pattern.name)
        for method in ("get", "post"):
            scene = Scene(clock)
            known = {
                "performer_id": scene.ruby.pk,
                "item_id": scene.song.pk if name == "ask" else scene.head.pk,
                "command": "pause",
            }
            kwargs = {each: known[each] for each in pattern.pattern.converters}
            client = Client()
            client.force_login(
                scene.ruby if name.startswith("studio") else scene.alice,
                backend="django.contrib.auth.backends.ModelBackend",
            )
            form = {"idempotency_key": "gate-0001", "expected_price": "100", "settle": "100", "refund": "0"}
            answer = getattr(client, method)(reverse(name, kwargs=kwargs), {} if method == "get" else form)
            if answer.status_code == 405:
                continue
            assert answer.status_code in (200, 302), f"{method} {name}: {answer.status_code}"
            scene.assert_head_expired(f"{method} {name}")
            walked += 1

    assert walked >= 19


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_item_of_another_performer_is_not_in_this_room(clock: Clock, method: str) -> None:
    scene, other = Scene(clock), performer()
    client = Client()
    client.force_login(scene.alice, backend="django.contrib.auth.backends.ModelBackend")
    before = available(scene.alice)

    form = {"idempotency_key": "gate-0001", "expected_price": "100"}
    answer = getattr(client, method)(reverse("ask", args=[other.pk, scene.song.pk]), form)

    assert answer.status_code == 404
    assert (QueueItem.objects.count(), available(scene.alice)) == (1, before)


def test_a_replayed_command_does_not_pass_the_gate_again(clock: Clock) -> None:
    ruby, alice = performer(rope_drop_s=60), person(tokens=1_000)
    song = song_of(ruby, price=100)
    first: UUID = bought(alice, song).id
    headers = key()
    path = f"/api/v1/queue/items/{first}/leave"
    assert client_of(alice).post(path, {}, format="json", headers=headers).status_code == 200
    late = bought(alice, song)
    clock.shift(seconds=61)

    answer = client_of(alice).post(path, {}, format="json", headers=headers)

    assert answer.headers["Idempotent-Replayed"] == "true"
    assert again(late).state == State.CREATED
