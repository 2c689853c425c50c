"""Pages and parts of pages as everybody sees them who is not signed in: rendered once a version, filled in for each.

What differs between visitors is the CSRF token and the time. A visitor who may have a session, or a message to read, is
served in the ordinary way.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

from core.freshness import Seen, Shelf
from xxxchat.pages.shell import Shell
from xxxchat.templatetags.ui import iso

OWN_COOKIES = (settings.SESSION_COOKIE_NAME, CookieStorage.cookie_name)
MARK = secrets.token_hex(16)  # no text of a page has it
TOKEN, TIME = f"csrf-{MARK}", f"time-{MARK}"
HOLES = re.compile(f"({TOKEN}|{TIME})")


def is_stranger(request: HttpRequest) -> bool:
    """Whether a visitor is known to be nobody in particular, without looking for a session."""
    return not any(name in request.COOKIES for name in OWN_COOKIES)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rendered HTML in pieces: every second one is a hole, TOKEN or TIME. `digest`: of what it shows, if polled."""

    pieces: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, request: HttpRequest, template: str, context: dict[str, Any], digest: str) -> Self:
        html = render_to_string(template, context | {"csrf_token": TOKEN, "shown_at": TIME}, request)
        return cls(tuple(HOLES.split(html)), digest)

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    def filled(self, request: HttpRequest, now: datetime) -> HttpResponse:
        filled = list(self.pieces)
        for place in range(1, len(filled), 2):
            filled[place] = get_token(request) if filled[place] == TOKEN else iso(now)
        return HttpResponse("".join(filled))


@dataclass(frozen=True, slots=True)
class Read:
    """What a template is rendered from: the version of it all, and until when it holds if nothing else happens."""

    context: dict[str, Any]
    version: object
    until: datetime | None


SHEETS: Shelf[Sheet] = Shelf(most_bytes=16 * 1024 * 1024)


def shared(
    request: HttpRequest, template: str, *, seen: Seen, read: Callable[[], Read], digest: str = ""
) -> HttpResponse:
    """Answer a stranger with what was rendered last, unless another version was seen: then `read` and render.

    `digest`: the variable with the digest of what is shown; while a poll brings just that, the answer is 204.
    """
    subject = (template, request.path, Shell(request).theme)
    sheet = SHEETS.find(subject, seen)
    if sheet is None:
        made = read()
        sheet = Sheet.of(request, template, made.context, made.context[digest] if digest else "")
        SHEETS.keep(subject, Seen(made.version, seen.now), sheet, size=sheet.size, until=made.until)
    if digest and request.GET.get("seen") == sheet.digest:
        return HttpResponse(status=204)
    return sheet.filled(request, seen.now)
