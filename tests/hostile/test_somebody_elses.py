"""Another performer's rows: whatever address names one, the answer is that it is not hers, and nothing changes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from rest_framework import serializers

from accounts.models import User
from core.ids import new_id
from core.shapes import by_method
from perfqueue.models import QueueItem
from tests.addresses import addresses as all_addresses
from tests.hostile.asking import code, contents, send
from tests.hostile.belongings import Belongings, belongings
from tests.hostile.test_every_address import METHODS
from tests.world import performer

pytestmark = pytest.mark.django_db(transaction=True)
SHOWN = {  # to everybody, and so to her
    "performer/<id:performer_id>",
    "performer/<id:performer_id>/menus",
    "performer/<id:performer_id>/queue",
}
SHOWN_IN_PART = {"queue/items/<id:item_id>": {"id", "title", "state", "position", "mine"}}
NAMES_NO_ROW = {"app_index", "catch_all_view"}
FORM = {"post": "yes", "apply": "yes", "reason": "mine now", "title": "mine now", "amount": "5", "depth": "1"}


def addresses(prefix: str) -> Iterator[tuple[str, Any]]:
    """Every address below a prefix that names a row, without the prefix."""
    return ((path, each) for path, each in all_addresses(prefix) if "<" in path or "(" in path)


def sound_body(view: Any, user: User) -> dict[str, Any]:
    """What the endpoint's input needs, so that nothing but the row can be refused."""
    fields = (by_method(view.Input, "POST") or by_method(view.Input, "PUT"))().fields.items()
    return {name: _sound(field, user) for name, field in fields if field.required or name.endswith("Id")}


def _sound(field: serializers.Field[Any, Any, Any, Any], user: User) -> Any:
    if isinstance(field, serializers.ChoiceField):
        return next(iter(field.choices))
    if isinstance(field, serializers.UUIDField):
        return str(user.pk)
    if isinstance(field, serializers.BooleanField):
        return True
    if isinstance(field, serializers.IntegerField):
        return min(2_000, field.max_value or 2_000)
    return "mine now"


def form() -> dict[str, str]:
    """The fields of every form of the product."""
    return FORM | {"idempotency_key": str(new_id()), "expected_price": "2000"}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def hers() -> Belongings:
    return belongings()


@pytest.fixture
def jade() -> User:
    return performer("jade")


def test_another_performer_gets_nothing_by_any_address_of_the_api(hers: Belongings, jade: User) -> None:
    before, asked = contents(), 0

    for path, pattern in addresses("api/v1/"):
        view = pattern.callback.cls
        full = hers.filled(path)
        for method in METHODS:
            answer = send(jade, full, json.dumps(sound_body(view, jade)), method=method)
            if method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
                assert code(answer) == (405, "METHOD_NOT_ALLOWED"), f"{method} {path}"
            elif method == "GET" and path in SHOWN:
                assert answer.status_code == 200, path
            elif method == "GET" and path in SHOWN_IN_PART:
                assert set(answer.json()) == SHOWN_IN_PART[path], path
            else:
                assert code(answer)[0] in (403, 404), f"{method} {path}: {answer.content!r}"
                asked += 1
        assert contents() == before, path
    assert asked > 25


def admin_path(path: str, hers: Belongings) -> str:
    """An address of the back office with a row of hers in it."""
    models: dict[str, type[Model]] = {
        f"{model._meta.app_label}/{model._meta.model_name}": model for model in admin.site._registry
    }
    if path.startswith("r/"):
        item = hers.row(QueueItem)
        kind = ContentType.objects.get_for_model(item).pk
        return path.replace("<path:content_type_id>", str(kind)).replace("<path:object_id>", str(item.pk))
    app, model, *_ = path.split("/")
    return path.replace("<path:object_id>", str(hers.row(models[f"{app}/{model}"]).pk))


def test_another_performer_gets_nothing_by_any_address_of_the_back_office(hers: Belongings, jade: User) -> None:
    client = signed_in(jade)
    found = [path for path, pattern in addresses("admin/") if pattern.callback.__name__ not in NAMES_NO_ROW]
    before = contents()

    for path in found:
        full = f"/admin/{admin_path(path, hers)}"
        assert "<" not in full, path
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            send_by = getattr(client, method.lower())
            answer = send_by(full, form() if method == "POST" else "", follow=True)
            assert answer.status_code in (403, 404), f"{method} {path}: {answer.status_code} {answer.redirect_chain}"
        assert contents() == before, path
    assert len(found) > 4 * len(admin.site._registry)


def test_another_performer_changes_nothing_by_any_page(hers: Belongings, jade: User) -> None:
    """Pages answer with a text where the API has a status, so only the rows are compared."""
    client = signed_in(jade)
    found = [each for each in addresses("") if not each[0].startswith(("api/", "admin/", "studio/line/"))]
    before = contents()

    for path, _ in found:
        full = "/" + hers.filled(path, path="menus/" if "/ask/" in path else path)
        answers = [client.post(full, form()), *(client.generic(method, full) for method in METHODS)]
        assert max(answer.status_code for answer in answers) < 500, path
        assert contents() == before, path
    assert len(found) > 7


def test_control_what_is_hers_is_shown_and_changed_by_the_same_requests(hers: Belongings) -> None:
    """Otherwise the tests above could be requesting rows that do not exist."""
    client = signed_in(hers.ruby)
    item = QueueItem.objects.get(state="created")

    assert client.get(f"/admin/perfqueue/queueitem/{item.pk}/change/").status_code == 200
    assert client.get(f"/admin/menus/menuitem/{hers.named_by('menus/', 'item_id')}/change/").status_code == 200
    assert send(hers.ruby, f"performer/{hers.ruby.pk}/queue/settings", method="GET").status_code == 200
    assert send(hers.ruby, f"queue/items/{item.pk}/start").status_code == 200
    assert client.post(f"/studio/items/{item.pk}/refund", form()).status_code == 302
    assert QueueItem.objects.get(pk=item.pk).state == "refunded"
