"""Visitors of the pages: people with a browser's session and the forms they would send."""

import re
from typing import Any

from django.test import Client

from accounts.models import User
from menus import services as menus
from tests import world

HTMX = {"HX-Request": "true"}


def visitor(user: User | None = None) -> Client:
    """A browser without a script; forms need their token."""
    client = Client(enforce_csrf_checks=True)
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def stage(*titles: str, price: int = 40, **settings: Any) -> tuple[User, list[str]]:
    """A performer with an open line and a menu; return her and the ids of the items."""
    performer = world.performer("ruby", **settings)
    draft = menus.MenuDraft(title="Tonight", owner_id=performer.pk, type="performance")
    menu = menus.create_menu(actor=performer, draft=draft)
    items = [
        menus.create_item(
            actor=performer,
            menu_id=menu.pk,
            draft=menus.ItemDraft(title=title, price_tokens=price, duration_s=120, description="Say what you like"),
        )
        for title in titles
    ]
    return performer, [str(item.pk) for item in items]


def html(response: Any) -> str:
    """The page of an answer of Django's test client; a run of white space is one space, as in a browser."""
    return re.sub(r"\s+", " ", response.content.decode())


def fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action, as a browser would send them.

    Fails when the page has no such form.
    """
    form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form is not None, f"no form for {action}"
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form.group(1)):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        found[attributes["name"]] = attributes.get("value", "")
    return found


def send(client: Client, page: str, action: str, headers: dict[str, str] | None = None, **typed: str) -> Any:
    """Fill a form of a page in and send it."""
    return client.post(action, fields(page, action) | typed, headers=headers)
