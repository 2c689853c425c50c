"""The back office as a whole: who enters, by which form, under which policy, and what it registers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.backoffice import BACK_OFFICE_ROLES, RoleAdmin
from accounts.models import Role, User
from tests.backoffice import signed_in
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a-long-enough-password"


def with_password(user: User) -> None:
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])


@pytest.mark.parametrize(("role", "admitted"), [(role, role in BACK_OFFICE_ROLES) for role in sorted(Role.values)])
def test_the_sign_in_form_admits_by_role(role: str, admitted: bool) -> None:
    with_password(person("somebody", role=role))
    client = Client()

    answer = client.post(reverse("admin:login"), {"username": "somebody", "password": PASSWORD, "next": "/admin/"})

    assert (answer.status_code == 302) is admitted
    assert (client.get(reverse("admin:index")).status_code == 200) is admitted


def test_the_sign_in_form_locks_out_after_repeated_failures(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    with_password(person("ruby", role=Role.PERFORMER))
    page = reverse("admin:login")

    def attempt(password: str) -> int:
        return Client().post(page, {"username": "ruby", "password": password, "next": "/admin/"}).status_code

    assert [attempt("wrong") for _ in range(2)] == [200, 200]
    assert attempt("wrong") not in (200, 302)
    assert attempt(PASSWORD) not in (200, 302)


def test_the_back_office_has_a_policy_of_its_own() -> None:
    inside = Client().get(reverse("admin:login"))["Content-Security-Policy"]
    outside = Client().get("/api/v1/menus")["Content-Security-Policy"]

    assert "script-src 'self' 'unsafe-eval'" in inside
    assert "style-src 'self' 'unsafe-inline'" in inside
    assert "unsafe" not in outside


def test_no_admin_class_decides_by_django_permissions() -> None:
    assert admin.site._registry
    assert all(isinstance(registered, RoleAdmin) for registered in admin.site._registry.values())


SERVED: list[Callable[[Client], Any]] = [
    lambda client: client.get(reverse("admin:index")),
    lambda client: client.get(reverse("admin:search"), {"s": "menu"}),
    lambda client: client.get(reverse("admin:app_list", args=["menus"])),
    lambda client: client.get(reverse("admin:jsi18n")),
]


@pytest.mark.parametrize("open_page", SERVED)
def test_the_site_pages_open_for_a_performer(open_page: Callable[[Client], Any]) -> None:
    assert open_page(signed_in(person(role=Role.PERFORMER))).status_code == 200


@pytest.mark.parametrize("page", ["x", "0", "2", "9" * 5_000])
def test_a_page_of_the_search_that_is_not_there_is_a_bad_request(page: str) -> None:
    performer = signed_in(person(role=Role.PERFORMER))

    assert performer.get(reverse("admin:search"), {"s": "menu", "page": page}).status_code == 400
