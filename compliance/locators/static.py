"""One region for every request: the operator serves no other place."""

from compliance.locators.interface import Locator, region_text


class StaticLocator(Locator):
    """The region is the setting `JURISDICTION_DEFAULT`; unset, it is unknown."""

    def __init__(self, *, region: str) -> None:
        self._region = region_text(region)

    def region_of(self, *, value: str | None, peer: str, address: str | None) -> str | None:
        return self._region
