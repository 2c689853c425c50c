"""Hostile bytes in every part of a request, at every address of the URL map, from everybody: no answer is a 5xx."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.urls import URLPattern
from rest_framework import serializers

from accounts.models import Role, User
from core.api import WRITES, Endpoint
from core.shapes import METHODS, by_method
from tests.addresses import addresses
from tests.hostile.belongings import Belongings, belongings
from tests.hostile.raw import (
    CONTENT_TYPES,
    COOKIES,
    CSRF,
    FORM,
    HEADER_VALUES,
    HEADERS,
    SHAPED,
    VALUES,
    Caller,
    Draw,
    Sent,
    multipart,
    pairs,
)
from tests.hostile.test_somebody_elses import admin_path
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
PARAMETER = re.compile(r"<\w+:(\w+)>|\(\?P<(\w+)>[^)]*\)")
READ_BY_NAME = re.compile(r"(?:GET|POST)(?:\.get(?:list)?)?[\[(]\"([\w-]+)\"")
JSON_VALUES = (*VALUES, b"\\u0000", b"\\ud800", b"\\udfff", b"\\u202e")
PARTS = 3  # of the longest test, each well below the limit of one test
DEEP = b'{"a":' * 5_000 + b"1" + b"}" * 5_000


class Address:
    """An address of the URL map with rows of Ruby's in it."""

    def __init__(self, route: str, pattern: URLPattern, hers: Belongings) -> None:
        self.route, self.view, self._hers = route, pattern.callback, hers
        self.endpoint: type[Endpoint] | None = getattr(self.view, "cls", None)
        self.parameters = [first or second for first, second in PARAMETER.findall(route)]
        self.path = f"/{self._filled()}".encode()

    def _filled(self) -> str:
        route = self.route.replace("^", "").replace("$", "")
        if route.startswith("admin/") and "<path:object_id>" in route:
            return "admin/" + admin_path(route.removeprefix("admin/"), self._hers)
        return PARAMETER.sub(lambda found: self._value(found[1] or found[2]), route)

    def _value(self, parameter: str) -> str:
        if parameter.endswith("_id"):
            path = self.route.removeprefix("api/v1/")
            return str(self._hers.named_by("menus/" if "/ask/" in path else path, parameter))
        return {"app_label": "menus", "command": "pause"}.get(parameter, "x")

    def with_ids(self, value: bytes) -> bytes:
        """The path with `value` in place of its last parameter."""
        before, found, after = self.route, "", ""
        for match in PARAMETER.finditer(self.route):
            before, found, after = self.route[: match.start()], match[0], self.route[match.end() :]
        assert found
        head = PARAMETER.sub("x", before).replace("^", "")
        return b"/" + head.encode() + value + after.replace("$", "").encode()

    @property
    def model(self) -> type[Model] | None:
        """The model whose pages in the back office these are."""
        app, _, rest = self.route.removeprefix("admin/").partition("/")
        named = {(each._meta.app_label, str(each._meta.model_name)): each for each in admin.site._registry}
        return named.get((app, rest.partition("/")[0])) if self.route.startswith("admin/") else None

    @property
    def names(self) -> list[str]:
        """Names of query parameters and form fields that this address reads, or any address."""
        if self.endpoint is not None and issubclass(self.endpoint, Endpoint):
            declared = [by_method(self.endpoint.Query, method) for method in sorted(METHODS)]
            return [name for query in declared if query is not None for name in query().fields] or ["q"]
        if self.model is not None:
            own = [field.name for field in self.model._meta.concrete_fields]
            return [*own, *names_of_the_product()]
        return [*names_of_the_product()]


@cache
def names_of_the_product() -> tuple[str, ...]:
    """Every name that pages, forms and the back office read from a query string or a form."""
    folders = [Path(config.path) for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR]
    sources = [path.read_text() for folder in folders for path in folder.rglob("*.py")]
    read = {name for source in sources for name in READ_BY_NAME.findall(source)}
    fields = {name for form in every(forms.BaseForm) for name in getattr(form, "base_fields", {})}
    of_django = {"q", "p", "o", "e", "all", "_popup", "_to_field", "_changelist_filters", "_facets", "page", "next"}
    of_actions = {"action", "index", "select_across", "_selected_action", "items-TOTAL_FORMS", "items-INITIAL_FORMS"}
    return tuple(sorted(read | fields | of_django | of_actions))


def every(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)


def by_cookie(draw: Draw, to: Address) -> Sent:
    return Sent(path=to.path, cookies=draw.of(COOKIES))


def by_header(draw: Draw, to: Address) -> Sent:
    name = draw.of(HEADERS)
    return Sent(draw.of(("GET", "POST")), to.path, headers={name: draw.of((*HEADER_VALUES, *SHAPED.get(name, ())))})


def by_query(draw: Draw, to: Address) -> Sent:
    query = pairs([(draw.of(to.names), draw.of(VALUES))])
    return Sent(draw.of(("GET", "POST")), to.path, query=query)


def by_query_key(draw: Draw, to: Address) -> Sent:
    many = b"&".join(b"a=1" for _ in range(1_001))
    return Sent(path=to.path, query=draw.of((*(value.replace(b"&", b"") for value in VALUES[1:]), many)))


def by_form(draw: Draw, to: Address) -> Sent:
    if to.endpoint is not None and issubclass(to.endpoint, Endpoint):
        return by_json(draw, to, to.endpoint)
    names = to.names
    fields = [("csrfmiddlewaretoken", CSRF.encode()), (draw.of(("apply", "preview", "_save", "post")), b"1")]
    fields += [(draw.of(names), draw.of(VALUES)) for _ in range(len(names) // 4 + 1)]
    if draw.of(("form", "multipart")) == "form":
        return Sent("POST", to.path, body=pairs(fields), content_type=FORM)
    return Sent("POST", to.path, body=multipart(fields), content_type="multipart/form-data; boundary=x")


def by_json(draw: Draw, to: Address, endpoint: type[Endpoint]) -> Sent:
    """A body whose other fields are sound, so that the hostile one is reached."""
    method = draw.of([each for each in WRITES if hasattr(endpoint, each.lower())] or ["POST"])
    body = by_method(endpoint.Input, method)
    fields = body().fields if body is not None else {}
    values = {name: json.dumps(sound(field)).encode() for name, field in fields.items()}
    if values:
        values[draw.of(values)] = b'"' + draw.of(JSON_VALUES) + b'"'
    text = b"{" + b",".join(f'"{name}":'.encode() + value for name, value in values.items()) + b"}"
    return Sent(method, to.path, body=draw.of((text, text, text, DEEP)), content_type="application/json")


def sound(field: serializers.Field[Any, Any, Any, Any]) -> object:
    if isinstance(field, serializers.ChoiceField):
        return next(iter(field.choices))
    if isinstance(field, serializers.ListField):
        return []
    return 100 if isinstance(field, serializers.IntegerField) else "x"


def by_charset(draw: Draw, to: Address) -> Sent:
    content_type = draw.of(CONTENT_TYPES)
    fields = [(draw.of(to.names), draw.of((b"+2AA-", b"\\ud800", b"\xd8\x00", b"=41")))]
    body = multipart(fields) if content_type.startswith("multipart") else pairs(fields)
    return Sent(draw.of(("POST", "GET", "PUT")), to.path, b"x=1", body, content_type)


def by_id(draw: Draw, to: Address) -> Sent:
    return Sent(
        draw.of(("GET", "POST")), to.with_ids(draw.of(VALUES[1:])) if to.parameters else to.path + draw.of(VALUES)
    )


KINDS: tuple[Callable[[Draw, Address], Sent], ...] = (
    by_cookie,
    by_header,
    by_query,
    by_query_key,
    by_form,
    by_charset,
    by_id,
)


@pytest.fixture
def map_of() -> list[Address]:
    hers = belongings()
    return [Address(route, pattern, hers) for route, pattern in addresses()]


def refused(caller: Caller, sent: Sent) -> list[str]:
    """What is wrong about the answer to a request, if anything is."""
    try:
        answer = caller.send(sent)
    except Exception as error:  # noqa: BLE001  a request that the application does not survive is a finding as well
        return [f"{sent}: {error!r}"]
    return [] if answer.status < 500 else [f"{answer.status} {sent}"]


def caller_for(to: Address, by_role: dict[str, Caller]) -> Caller:
    """Somebody who may use the address."""
    roles = getattr(to.endpoint, "roles", ())
    if roles:
        return by_role[min(roles)]
    if to.route.startswith("admin/"):
        return by_role[Role.ADMIN]
    return by_role[Role.PERFORMER if to.route.startswith("studio") else Role.USER]


def callers() -> dict[str, Caller]:
    ruby, alice = User.objects.get(username="ruby"), User.objects.get(username="alice")
    ready = {Role.PERFORMER: ruby, Role.USER: alice}
    return {role: Caller(ready[role] if role in ready else person(role=role)) for role in Role}


def test_no_bytes_are_a_5xx_for_somebody_who_may_use_the_address(map_of: list[Address]) -> None:
    draw, by_role = Draw("somebody"), callers()

    failed = [each for to in map_of for kind in KINDS[1:] for each in refused(caller_for(to, by_role), kind(draw, to))]

    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_bytes_are_a_5xx_for_strangers_and_each_role(part: int, map_of: list[Address]) -> None:
    """At each address every caller sends another kind."""
    draw, everybody = Draw(f"everybody {part}"), [Caller(None), *callers().values()]

    failed = [
        each
        for place, to in list(enumerate(map_of))[part::PARTS]
        for other, caller in enumerate(everybody)
        for each in refused(caller, KINDS[(place + other) % len(KINDS)](draw, to))
    ]

    assert not failed, "\n".join(failed)
    assert len(everybody) == len(Role) + 1


LOOKUPS = (
    "",
    "exact",
    "regex",
    "iregex",
    "in",
    "isnull",
    "gte",
    "year",
    "date",
    "week_day",
    "icontains",
    "range",
    "pk",
)
NAMED = (
    "type__exact=%00",
    "title__regex=(",
    "created_at__year=10000",
    "q=%00",
    "p=99999999999999999999999",
    "o=99999999999999999999999.-1.x",
    "e=1&id__regex=(",
    "_to_field=%00",
)


def list_queries(draw: Draw, to: Address) -> Iterator[bytes]:
    """The named ones, then hostile values of each column by some lookups and of each filter's parameter."""
    assert to.model is not None
    yield from (query.encode() for query in NAMED)
    columns = [field.name for field in to.model._meta.concrete_fields]
    filters = [getattr(each, "parameter_name", "") for each in admin.site.get_model_admin(to.model).list_filter]
    for name in (*columns, *filters):
        lookup = draw.of(LOOKUPS) if name in columns else ""
        yield pairs([(f"{name}__{lookup}" if lookup else name, draw.of(VALUES))])


def test_no_parameter_of_a_list_is_a_5xx(map_of: list[Address]) -> None:
    draw, by_role, seen = Draw("lists"), callers(), Counter[str]()
    lists = [to for to in map_of if to.model is not None and not to.parameters and not to.route.endswith("/add/")]

    failed = []
    for role in (Role.ADMIN, Role.PERFORMER):
        caller = by_role[role]
        for to in (each for each in lists if caller.send(Sent(path=each.path)).status == 200):
            seen[role] += 1
            for query in list_queries(draw, to):
                failed += refused(caller, Sent(draw.of(("GET", "GET", "POST")), to.path, query))

    assert not failed, "\n".join(failed)
    assert seen[Role.ADMIN] >= len(admin.site._registry)
    assert seen[Role.PERFORMER] > 5


AUTOCOMPLETES = (
    "app_label=menus&model_name=menuitem&field_name=parent&term=%00",
    "app_label=menus&model_name=menuitem&field_name=menu&term=(&page=2",
    "app_label=menus&model_name=menuitem&field_name=%00&term=x",
    "app_label=%00&model_name=%00&field_name=%00",
    "app_label=menus&model_name=menuitem&field_name=menu&page=99999999999999999999999",
)


def test_no_parameter_of_an_autocomplete_is_a_5xx() -> None:
    everybody = [Caller(person(role=role)) for role in (Role.ADMIN, Role.PERFORMER)]

    asked = [Sent(path=b"/admin/autocomplete/", query=query.encode()) for query in AUTOCOMPLETES]
    failed = [each for caller in everybody for sent in asked for each in refused(caller, sent)]

    assert not failed, "\n".join(failed)
