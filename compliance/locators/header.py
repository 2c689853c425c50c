"""The region that a proxy of the operator's has found and says in a header."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

from compliance.locators.interface import Locator, region_text


class HeaderLocator(Locator):
    """The region is the value of a header, believed only if the direct peer lies in one of the `networks` (CIDR).

    Anybody else could write it: from them, and without the header, the region is unknown.
    """

    def __init__(self, *, header: str, networks: Sequence[str]) -> None:
        self.header = header.lower()
        self._networks = [ip_network(each) for each in networks]

    def region_of(self, *, value: str | None, peer: str, address: str | None) -> str | None:
        return region_text(value) if value is not None and self._is_inside(peer) else None

    def _is_inside(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
