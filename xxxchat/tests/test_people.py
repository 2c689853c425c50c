"""People are added by an administrator or the command, with everything that belongs to them and a first password."""

import logging
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

import accounts.services
import escrow.services
import perfqueue.services
from accounts.models import STAFF_ROLES, Erasure, Role, User
from tests import world
from tests.backoffice import signed_in, text_of
from tests.world import available, buy

pytestmark = pytest.mark.django_db(transaction=True)
FIRST, OWN = "first-pass-of-this-test", "own-pass-of-this-test"
TOKEN, LIST, ADD = "/api/v1/auth/token", "admin:accounts_user_changelist", "admin:accounts_user_add"


def typed(name: str, role: str, **more: str) -> dict[str, str]:
    return {"username": name, "role": role, "email": "", "password1": FIRST, "password2": FIRST, **more}


def added(name: str = "nora", role: Role = Role.USER) -> User:
    call_command("create_user", name, role=role, stdout=StringIO())
    user = User.objects.get(username=name)
    user.set_password(FIRST)
    user.save()
    return user


def session(name: str = "nora", password: str = FIRST) -> Client:
    client = Client()
    client.post(reverse("sign-in"), {"username": name, "password": password})
    return client


def assert_complete(user: User, role: str) -> None:
    """Wallets, and a performer's profile and closed queue; unverified."""
    assert (user.role, user.verified_at, user.terms_version, user.must_change_password) == (role, None, 0, True)
    assert len(escrow.services.wallets_of(user.pk)) == 2
    assert hasattr(user, "performer_profile") is (role == Role.PERFORMER)
    if role == Role.PERFORMER:
        assert not perfqueue.services.queue_view(user.pk, viewer=None).queue.is_open


@pytest.mark.parametrize("role", Role.values)
def test_the_command_creates_a_person_of_each_role_and_prints_the_password_once(role: str) -> None:
    out = StringIO()

    call_command("create_user", "nora", role=role, stdout=out)

    user = User.objects.get(username="nora")
    assert_complete(user, role)
    password = out.getvalue().strip().rsplit(" ", 1)[1]
    assert user.check_password(password)
    assert out.getvalue().count(password) == 1
    assert LogEntry.objects.get().object_id == str(user.pk)


def test_the_command_reads_a_password_and_never_logs_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{FIRST}\n"))
    out = StringIO()

    with caplog.at_level(logging.DEBUG):
        call_command("create_user", "nora", role="performer", display_name="Nora N", password_stdin=True, stdout=out)

    user = User.objects.get(username="nora")
    assert user.check_password(FIRST)
    assert accounts.services.display_name(user) == "Nora N"
    assert FIRST not in out.getvalue() + caplog.text


@pytest.mark.parametrize(
    ("name", "password", "fault"),
    [
        ("Alice", FIRST, "username: A user with that username already exists."),
        ("no spaces", FIRST, "username: Enter a valid username"),
        ("nora", "short", "password: This password is too short"),
        ("nora", "password1", "password: This password is too common"),
        ("noradenmark", "noradenmark", "password: The password is too similar to the username"),
    ],
)
def test_a_taken_name_or_a_weak_password_creates_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str, fault: str
) -> None:
    world.person("alice")
    monkeypatch.setattr("sys.stdin", StringIO(password))

    with pytest.raises(CommandError, match=f"Nothing was created.*{fault}"):
        call_command("create_user", name, role="user", password_stdin=True)

    assert User.objects.count() == 1


@pytest.mark.parametrize("role", [Role.USER, Role.PERFORMER, Role.FINANCE])
def test_an_administrator_adds_a_person_in_the_back_office(role: Role) -> None:
    admin = world.person(role=Role.ADMIN)
    client = signed_in(admin)
    assert 'name="password1"' in client.get(reverse(ADD)).content.decode()

    answer = client.post(reverse(ADD), typed("nora", role, display_name="Nora N"), follow=True)

    user = User.objects.get(username="nora")
    assert_complete(user, role)
    assert user.check_password(FIRST)
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id, entry.is_addition()) == (admin.pk, str(user.pk), True)
    assert FIRST not in entry.change_message + answer.content.decode()


@pytest.mark.parametrize("wrong", [{"password2": "another"}, {"password1": "1", "password2": "1"}, {"role": "queen"}])
def test_the_form_shows_what_is_wrong(wrong: dict[str, str]) -> None:
    page = signed_in(world.person(role=Role.ADMIN)).post(reverse(ADD), {**typed("nora", "user"), **wrong})

    assert page.status_code == 200
    assert "Please correct the error" in text_of(page)
    assert not User.objects.filter(username="nora").exists()


@pytest.mark.parametrize("role", sorted((STAFF_ROLES - {Role.ADMIN}) | {Role.PERFORMER}))
def test_nobody_else_adds_or_deactivates_people(role: Role) -> None:
    client, alice = signed_in(world.person(role=role)), world.person("alice")

    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), typed("nora", "admin")).status_code == 403
    act(client, "deactivate_chosen", alice, reason="so")
    assert User.objects.get(pk=alice.pk).is_active
    assert not User.objects.filter(username="nora").exists()


def test_with_a_first_password_everything_leads_to_the_page_where_it_is_changed() -> None:
    added(role=Role.PERFORMER)
    client, change = session(), reverse("password")

    for address in ("/", "/wallet", "/studio", "/account", "/requests/live", "/slots"):
        assert client.get(address).headers["Location"] == f"{change}?next=" + address.replace("/", "%2F"), address
    page = client.get("/admin/", follow=True)
    assert page.redirect_chain[-1][0] == f"{change}?next=%2Fadmin%2F"
    for path in ("/api/v1/me", "/api/v1/performer"):
        refused = client.get(path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "STEP_UP_REQUIRED")
    assert accounts.services.session_user(str(client.session.session_key)) is None


def test_with_a_first_password_there_are_no_tokens() -> None:
    added()

    answer = Client().post(TOKEN, {"username": "nora", "password": FIRST}, content_type="application/json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "STEP_UP_REQUIRED")
    wrong = Client().post(TOKEN, {"username": "nora", "password": OWN}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "UNAUTHENTICATED")


def test_a_password_of_ones_own_opens_everything_and_ends_other_sessions() -> None:
    added()
    client, other = session(), session()
    address = f"{reverse('password')}?next=/wallet"
    assert "set by somebody else" in client.get(address).content.decode()

    form = {"old_password": FIRST, "new_password1": OWN, "new_password2": OWN, "next": "/wallet"}
    answer = client.post(reverse("password"), form)

    assert answer.headers["Location"] == "/wallet"
    assert client.get("/wallet").status_code == 200
    assert other.get("/wallet").headers["Location"].startswith(reverse("sign-in"))
    tokens = Client().post(TOKEN, {"username": "nora", "password": OWN}, content_type="application/json")
    assert tokens.status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "again"), [("wrong", OWN, OWN), (FIRST, FIRST, FIRST), (FIRST, "short", "short"), (FIRST, OWN, "x")]
)
def test_a_change_that_is_none_is_refused(old: str, new: str, again: str) -> None:
    added()
    client = session()

    answer = client.post(reverse("password"), {"old_password": old, "new_password1": new, "new_password2": again})

    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert User.objects.get(username="nora").must_change_password


def test_staff_with_a_first_password_sign_in_at_the_back_office_and_change_it() -> None:
    added(role=Role.SUPPORT)
    client = Client()

    page = client.post("/admin/login/", {"username": "nora", "password": FIRST, "next": "/admin/"}, follow=True)

    assert page.redirect_chain[-1][0] == f"{reverse('password')}?next=%2Fadmin%2F"
    form = {"old_password": FIRST, "new_password1": OWN, "new_password2": OWN, "next": "/admin/"}
    assert client.post(reverse("password"), form, follow=True).redirect_chain[-1][0] == "/admin/"
    assert client.get("/admin/").status_code == 200


def act(client: Client, name: str, *rows: User, **more: str) -> Any:
    form = {"action": name, "_selected_action": [str(row.pk) for row in rows], "apply": "yes", **more}
    return client.post(reverse(LIST), form)


def test_an_administrator_deactivates_and_reactivates_people_each_with_a_row_of_audit() -> None:
    admin, alice, ruby = world.person(role=Role.ADMIN), world.person("alice", tokens=100), world.performer("ruby")
    buy(alice, ruby)
    client = signed_in(admin)

    page = act(client, "deactivate_chosen", ruby, alice, admin, reason="They asked for it")

    assert "2 of 3 people deactivated." in text_of(page)
    assert set(User.objects.filter(is_active=False)) == {ruby, alice}
    assert available(alice) == 100
    assert not perfqueue.services.performers().exists()
    page = act(client, "reactivate_chosen", ruby, alice, reason="A mistake")
    assert "2 of 2 people reactivated." in text_of(page)
    assert not User.objects.filter(is_active=False).exists()
    entries = [(entry.object_id, entry.user_id) for entry in LogEntry.objects.all()]
    assert sorted(entries) == sorted([(str(user.pk), admin.pk) for user in (ruby, alice)] * 2)


def test_an_administrator_asks_for_an_erasure_with_a_reason_and_not_of_a_performer() -> None:
    alice, ruby = world.person("alice"), world.performer("ruby")
    client = signed_in(world.person(role=Role.ADMIN))

    page = act(client, "erase_chosen", alice, ruby, reason="Asked by letter")

    assert "1 of 2 people will be erased." in text_of(page)
    assert [*Erasure.objects.values_list("user", "reason")] == [(alice.pk, "Asked by letter")]
    assert [entry.object_id for entry in LogEntry.objects.all()] == [str(alice.pk)]


@pytest.mark.parametrize("following", [None, "", "/wallet", "https://example.org/", "//x", "/admin/logout/", "\x00"])
def test_signing_in_at_the_back_office_leads_to_its_index(following: str | None) -> None:
    accounts.services.create_user(username="nora", password=OWN, role=Role.SUPPORT)
    client, form = Client(), {"username": "nora", "password": OWN}
    query = "" if following is None else "?next=" + following.replace("\x00", "%00")
    assert client.get(f"/admin/login/{query}").status_code == 200

    answer = client.post(f"/admin/login/{query}", form if following is None else form | {"next": following})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert client.get(f"/admin/login/{query}").headers["Location"] == "/admin/"
    listing = client.post("/admin/login/", form | {"next": "/admin/escrow/wallet/"})
    assert listing.headers["Location"] == "/admin/escrow/wallet/"


def test_only_the_back_office_redirects_a_missing_slash() -> None:
    client = signed_in(world.person(role=Role.SUPPORT))

    for address, leads in (("/admin", "/admin/"), ("/admin/accounts/user?q=x", "/admin/accounts/user/?q=x")):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (301, leads)
    assert client.get("/admin/nothing").status_code == 404
    assert client.post("/admin/accounts/user").status_code == 404
    for address in ("/wallet/", "/account/password/", "/api/v1/wallet/", "/api/v1/menus/", "/api/v1/queue/items/"):
        for method in (client.get, client.post):
            answer = method(address)
            assert answer.status_code == 404, address
            assert answer.headers["Content-Type"].startswith("application/json" if "api" in address else "text/html")


def test_a_performer_finds_the_menu_editor_from_studio_and_account() -> None:
    client = signed_in(world.performer())

    for page in ("/studio", "/account"):
        assert reverse("admin:menus_menu_changelist") in client.get(page).content.decode()
    assert client.get(reverse("admin:menus_menu_changelist")).status_code == 200
