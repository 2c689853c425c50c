"""Where a request of a command comes from: its region, its address and its program.

What a region is, another app decides: the setting `ORIGIN_READER` names its function, which both ways to run a command
use, so that the ordinary endpoint and a batch see the same origin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

Header = Callable[[str], str | None]
"""Returns a header of a request by its name in lower case: None if it was not sent, "" if it is not ASCII."""


@dataclass(frozen=True, slots=True)
class Origin:
    """`region`: None if it is unknown. `address`: the client's, None if it is unknown. `user_agent`: "" if not sent."""

    region: str | None
    address: str | None
    user_agent: str


def origin_of(request: HttpRequest) -> Origin:
    """Return the origin of a request that Django read (no statement)."""
    meta = request.META
    return _reader(settings.ORIGIN_READER)(
        header=lambda name: meta.get(f"HTTP_{name.upper().replace('-', '_')}"), peer=meta.get("REMOTE_ADDR") or ""
    )


@lru_cache
def _reader(path: str) -> Callable[..., Origin]:
    return cast(Callable[..., Origin], import_string(path))
