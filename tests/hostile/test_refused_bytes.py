"""What the answer is, where `test_bytes` only knows that it is no 5xx: one example of each kind."""

from io import BytesIO
from typing import Any

import pytest
from django.urls import reverse

import perfqueue.services
from accounts.models import Role, User
from core.ids import new_id
from escrow.models import Payout
from menus.models import MenuItem
from tests.backoffice import signed_in
from tests.hostile.asking import code, nothing_written, send, song_of
from tests.hostile.raw import CONTENT_TYPES, CSRF, FORM, Answer, Caller, Sent, multipart, pairs
from tests.world import buy, performer, person, staff

pytestmark = pytest.mark.django_db(transaction=True)
MANY = b"&".join(b"a=%d" % number for number in range(1_001))
NUL_SESSION = b'sessionid="\\000a"'
LIST = "/admin/menus/menuitem/"


def envelope(answer: Answer) -> tuple[int, str, Any]:
    error = answer.json()["error"]
    return answer.status, error["code"], error["details"]


def is_page(answer: Answer) -> bool:
    return answer.headers["Content-Type"].startswith("text/html") and b"cannot be read" in answer.body


@pytest.mark.parametrize("path", [b"/", b"/sign-in", b"/admin/login/", b"/api/v1/menus", b"/livez"])
@pytest.mark.parametrize("cookies", [NUL_SESSION, b"sessionid=a\x01", b'csrftoken="\\177"', b'messages="\\012"'])
def test_a_cookie_with_a_control_character_is_as_if_it_were_not_sent(path: bytes, cookies: bytes) -> None:
    assert Caller(None).send(Sent(path=path, cookies=cookies)).status == 200
    assert Caller(None).send(Sent(path=b"/api/v1/me", cookies=cookies)).status == 401


def test_other_cookies_of_the_same_header_are_kept() -> None:
    alice = Caller(person("alice"))

    assert alice.send(Sent(path=b"/api/v1/me", cookies=b'theme="\\000"')).json()["username"] == "alice"


@pytest.mark.parametrize("content_type", [each for each in CONTENT_TYPES if "\0" not in each])
def test_no_content_type_changes_how_a_query_string_is_read(content_type: str) -> None:
    assert Caller(None).send(Sent(path=b"/livez", query=b"x=1", content_type=content_type)).status == 200


@pytest.mark.parametrize("content_type", [f"{FORM}; charset=utf-16", "multipart/form-data; charset=utf-7; boundary=x"])
def test_forms_are_utf_8_whatever_the_client_says(content_type: str) -> None:
    fields = [("username", b"+2AA-"), ("password", b"x")]
    body = multipart(fields) if "multipart" in content_type else pairs(fields)

    answer = Caller(None).send(Sent("POST", b"/sign-in", body=body, content_type=content_type))

    assert answer.status == 401
    assert b'value="+2AA-"' in answer.body


def test_a_thousand_and_one_parameters_are_a_400_in_the_envelope_or_a_page() -> None:
    alice = Caller(person())

    answer = alice.send(Sent(path=b"/api/v1/wallet/transfers", query=MANY))
    page = alice.send(Sent(path=b"/requests", query=MANY))
    form = alice.send(Sent("POST", b"/account/theme", body=MANY, content_type=FORM))

    assert envelope(answer) == (400, "VALIDATION_FAILED", {"request": ["There are too many parameters."]})
    assert (page.status, is_page(page)) == (400, True)
    assert (form.status, is_page(form)) == (400, True)


def test_another_host_is_a_400_page_where_the_host_matters(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]

    page = Caller(None).send(Sent(path=b"/sign-in", query=b"next=/wallet", headers={"Host": b"evil.example"}))

    assert (page.status, is_page(page)) == (400, True)


class Broken(BytesIO):
    """A body whose connection is reset."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError("connection reset")


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize("came", [Broken(), BytesIO(b"")], ids=["reset", "nothing came"])
def test_a_split_whose_body_was_lost_pays_nothing(came: BytesIO, chunked: bool) -> None:
    ruby, alice = performer(), person(tokens=100)
    item = buy(alice, ruby, 100)
    perfqueue.services.start(item_id=item.id, actor=ruby)
    headers = {"Transfer-Encoding": b"chunked"} if chunked else {}
    split = b'{"settleTokens": 61, "reason": "half a song"}'
    caller = Caller(ruby)

    with nothing_written():
        address = f"/api/v1/queue/items/{item.id}/finish".encode()
        answer = caller.send(Sent("POST", address, b"", split, "application/json", b"", headers), came)
        form = Sent("POST", f"/studio/items/{item.id}/finish".encode(), b"", b"amount=61", FORM, b"", headers)
        page = caller.send(form, came)

    assert envelope(answer) == (400, "VALIDATION_FAILED", {"request": ["The body ended early."]})
    assert (page.status, is_page(page)) == (400, True)


def test_a_body_that_comes_in_pieces_is_read_to_its_end() -> None:
    class Pieces(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(1)

    body = b'{"username": "nobody", "password": "x"}'
    answer = Caller(None).send(Sent("POST", b"/api/v1/auth/token", b"", body, "application/json"), Pieces(body))

    assert envelope(answer)[:2] == (401, "UNAUTHENTICATED")


def test_a_method_that_a_view_of_the_framework_lacks_is_a_405_in_the_envelope() -> None:
    answer = Caller(None).send(Sent("POST", b"/api/schema", headers={"Accept": b"application/json"}))

    assert envelope(answer)[:2] == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("name", ["a" * 256, "a" * 5_000, "a\0b", "\u202eadmin"])
def test_a_name_that_no_account_can_have_is_an_error_of_the_sign_in_form(name: str) -> None:
    fields = [("username", name.encode()), ("password", b"x"), ("csrfmiddlewaretoken", CSRF.encode())]

    answer = Caller(None).send(Sent("POST", b"/admin/login/", body=pairs(fields), content_type=FORM))

    assert answer.status == 200
    assert b"errornote" in answer.body or b"Both are case-sensitive" in answer.body or b"Null characters" in answer.body


@pytest.mark.parametrize("role", [Role.ADMIN, Role.PERFORMER])
@pytest.mark.parametrize("query", ["title__exact=%00", "title__regex=(", "position__range=1", "price_tokens__in=x"])
def test_a_filter_that_cannot_be_used_leads_back_to_the_list(
    role: Role, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = signed_in(performer() if role is Role.PERFORMER else person(role=role))

    answer = client.get(f"{LIST}?{query}")

    assert (answer.status_code, answer.headers.get("Location")) == (302, f"{LIST}?e=1")
    logged: list[Any] = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (entry,) = [each for each in logged if each["event"] == "list_parameters_refused"]
    assert (entry["path"], entry["names"]) == (LIST, [query.partition("=")[0]])
    assert client.get(f"{LIST}?e=1").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/admin/search/?s=menu&page=2",
        "/admin/search/?s=menu&page=x",
        "/admin/autocomplete/?app_label=menus&model_name=menuitem&field_name=menu&term=%00",
        "/admin/escrow/payout/export/?status__regex=(",
        "/admin/escrow/payout/export/?id__exact=%00",
    ],
)
def test_parameters_of_other_lists_are_a_400(path: str) -> None:
    answer = signed_in(person(role=Role.ADMIN)).get(path)

    assert answer.status_code == 400
    assert b"cannot be read" in answer.content


def test_a_failure_that_no_parameter_caused_stays_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr("menus.admin.MenuItemAdmin.get_queryset", broken)
    client = signed_in(person(role=Role.ADMIN))
    client.raise_request_exception = False

    assert client.get(LIST).status_code == 500


@pytest.mark.parametrize("chosen", ["xyz", "\0", "9" * 23, "", "' OR 1=1 --"])
@pytest.mark.parametrize("path", ["escrow:payout:approve_chosen", "perfqueue:queueitem:refund_chosen"])
def test_an_id_that_is_none_is_an_error_of_the_action(path: str, chosen: str) -> None:
    app, model, action = path.split(":")
    address, client = reverse(f"admin:{app}_{model}_changelist"), signed_in(staff(Role.ADMIN))

    with nothing_written(but=("django_session",)):
        answer = client.post(address, {"action": action, "_selected_action": [str(new_id()), chosen]}, follow=True)

    assert answer.status_code == 200
    assert "What was selected is no row of this list. Nothing was changed." in answer.content.decode()


TITLES = ["a\0b", "two\nlines", "\u202eevil", "a\u2066b", "\u200b", "\u3164\u3164", "\u200d \ufeff", "x\u2028y"]


@pytest.mark.parametrize("title", TITLES)
def test_a_title_that_nobody_could_read_is_an_error_of_the_form(title: str) -> None:
    ruby = performer()
    song = song_of(ruby)
    form = {
        "title": title,
        "menu": song.menu_id,
        "price_tokens": "40",
        "duration_s": "60",
        "active": "on",
        "place": "1",
    }

    answer = signed_in(ruby).post(f"{LIST}{song.pk}/change/", form)

    assert answer.status_code == 200
    assert MenuItem.objects.get(pk=song.pk).title == "A song"


@pytest.mark.parametrize("menu", ["%", "xyz", "\0", "9" * 23])
def test_an_id_that_is_none_is_an_error_of_the_form(menu: str) -> None:
    song = song_of(performer())
    form = {"title": "Mine", "menu": menu, "parent": menu, "price_tokens": "40", "duration_s": "60", "active": "on"}
    client = signed_in(staff(Role.ADMIN))

    answers = [client.post(f"{LIST}{song.pk}/change/", form), client.get(f"{LIST}add/", {"menu": menu, "parent": menu})]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert MenuItem.objects.get(pk=song.pk).title == "A song"


def test_a_lone_surrogate_or_deep_body_stays_a_400_in_the_envelope() -> None:
    alice = person(tokens=100)

    for raw in (b'{"expectedPrice": "\\ud800"}', b'{"note": "\\u0000", "expectedPrice": 40}', b'{"a":' * 9_000):
        assert code(send(alice, f"menus/items/{song_of(performer()).pk}/purchase", raw))[0] == 400


def test_the_next_page_after_signing_in_is_ours() -> None:
    user = User.objects.get(pk=person("alice").pk)
    user.set_password("a-long-enough-password")
    user.save()
    for place in ("//evil.example", "https://evil.example/\0", "javascript:alert(1)", "\\\\evil.example", "\r\nX: 1"):
        fields = [("username", b"alice"), ("password", b"a-long-enough-password"), ("next", place.encode())]
        answer = Caller(None).send(
            Sent("POST", b"/sign-in", body=pairs([*fields, ("csrfmiddlewaretoken", CSRF.encode())]), content_type=FORM)
        )
        assert (answer.status, answer.headers["Location"]) == (302, "/"), place


def test_control_the_same_requests_with_sound_values_are_answered() -> None:
    admin = signed_in(staff(Role.ADMIN))
    assert Payout.objects.count() == 0

    assert admin.get(f"{LIST}?title__exact=x").status_code == 200
    assert admin.get("/admin/escrow/payout/export/?status__exact=rejected").status_code == 200
    assert admin.get("/admin/search/?s=menu&page=1").status_code == 200
