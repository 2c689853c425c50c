"""People in the back office: staff look them up, nobody changes them, no secret is shown."""

import pytest
from django.urls import reverse

from accounts.models import STAFF_ROLES, PerformerProfile, Role, User
from tests.backoffice import signed_in
from tests.world import person

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "admin:accounts_user_changelist"


@pytest.fixture
def ruby() -> User:
    user = person("ruby", role=Role.PERFORMER)
    user.email = "ruby@example.com"
    user.set_password("a long enough one")
    user.save()
    PerformerProfile.objects.create(user=user, display_name="Ruby Sol", fee_bps=1_000)
    return user


def page_of(user: User, kind: str = "change") -> str:
    return reverse(f"admin:accounts_user_{kind}", args=[user.pk])


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_staff_look_people_up_and_change_nothing(ruby: User, role: Role) -> None:
    client = signed_in(person("reader", role=role))

    assert "ruby" in client.get(reverse(LIST)).content.decode()
    page = client.get(page_of(ruby)).content.decode()
    assert "Ruby Sol" in page
    assert 'name="_save"' not in page
    assert client.post(page_of(ruby), {"role": Role.ADMIN}).status_code == 403
    assert client.post(page_of(ruby, "delete"), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:accounts_user_add")).status_code == (200 if role == Role.ADMIN else 403)
    assert User.objects.get(pk=ruby.pk).role == Role.PERFORMER


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_no_password_hash_is_shown_and_an_address_only_to_support_and_admin(ruby: User, role: Role) -> None:
    client = signed_in(person("reader", role=role))
    page = client.get(page_of(ruby)).content.decode() + client.get(reverse(LIST)).content.decode()

    assert ruby.password not in page
    assert ruby.password.split("$")[-1] not in page
    assert ("ruby@example.com" in page) is (role in (Role.SUPPORT, Role.ADMIN))


def test_a_performer_sees_no_people(ruby: User) -> None:
    client = signed_in(ruby)

    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(page_of(ruby)).status_code == 403


@pytest.mark.parametrize("field", ["username", "pk"])
def test_a_user_is_found_by_exact_name_or_id(ruby: User, field: str) -> None:
    alice = person("alice")

    page = (
        signed_in(person("reader", role=Role.SUPPORT)).get(reverse(LIST), {"q": getattr(ruby, field)}).content.decode()
    )

    assert page_of(ruby) in page
    assert page_of(alice) not in page
