"""The origin of a request: the setting `ORIGIN_READER`."""

from functools import lru_cache

from django.conf import settings

import accounts.services
from compliance.locators import Locator, locator
from core.origin import Header, Origin

MAX_USER_AGENT_CHARS = 400
ORIGINS_REMEMBERED = 8192


def origin_of(*, header: Header, peer: str) -> Origin:
    """Return where a request comes from (no statement). `peer`: the address that opened the connection."""
    chosen = locator()
    value = header(chosen.header) if chosen.header else None
    forwarded, agent = header("x-forwarded-for") or "", header("user-agent") or ""
    return _origin(chosen, value, forwarded, peer, agent[:MAX_USER_AGENT_CHARS], settings.TRUSTED_PROXIES)


@lru_cache(ORIGINS_REMEMBERED)
def _origin(
    chosen: Locator, value: str | None, forwarded: str, peer: str, user_agent: str, _trusted_proxies: int
) -> Origin:
    """Who spins, spins again from there: most origins are remembered. The last argument is part of the key only."""
    found = accounts.services.address_of(forwarded_for=forwarded, peer=peer)
    address = found and found.partition("%")[0]  # PostgreSQL's inet takes no zone
    region = chosen.region_of(value=value, peer=peer, address=address)
    return Origin(region=region, address=address, user_agent=user_agent.replace("\0", ""))
