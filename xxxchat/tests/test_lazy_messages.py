"""Messages are stored and shown as Django's own middleware does it."""

import pytest
from django.contrib import messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from xxxchat.lazy_messages import LazyMessageMiddleware

NAME = CookieStorage.cookie_name


def asked(middleware: type[MessageMiddleware], view: object, cookie: str = "") -> HttpResponse:
    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]
    if cookie:
        request.COOKIES[NAME] = cookie
    return middleware(view)(request)  # type: ignore[arg-type, return-value]


def adding(request: HttpRequest) -> HttpResponse:
    messages.info(request, "Saved.")
    return HttpResponse()


def showing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(" ".join(str(each) for each in messages.get_messages(request)))


def silent(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@pytest.mark.parametrize("middleware", [MessageMiddleware, LazyMessageMiddleware])
def test_a_message_is_kept_until_it_is_shown(middleware: type[MessageMiddleware]) -> None:
    added = asked(middleware, adding)
    cookie = added.cookies[NAME].value

    passed, shown = asked(middleware, silent, cookie), asked(middleware, showing, cookie)

    assert NAME not in passed.cookies
    assert shown.content == b"Saved."
    assert shown.cookies[NAME].value == ""


def test_a_request_without_messages_makes_no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xxxchat.lazy_messages.default_storage", pytest.fail)

    assert asked(LazyMessageMiddleware, silent).status_code == 200
