"""The demo's region: what the request says itself. Never chosen outside demo and test."""

from compliance.locators.interface import Locator, region_text

DEFAULT_REGION = "DEMO"


class DemoLocator(Locator):
    """The region is the header `X-Demo-Region`, which anybody may send; without it, DEMO."""

    header = "x-demo-region"

    def region_of(self, *, value: str | None, peer: str, address: str | None) -> str | None:
        return DEFAULT_REGION if value is None else region_text(value)
