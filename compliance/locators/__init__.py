"""Locators: how the region of a request is found. The setting `JURISDICTION_LOCATOR` chooses one (docs/locators.md)."""

from functools import lru_cache

from django.conf import settings

from compliance.locators.demo import DemoLocator
from compliance.locators.header import HeaderLocator
from compliance.locators.interface import Locator, region_text
from compliance.locators.static import StaticLocator

__all__ = ["Locator", "locator", "region_text"]


def locator() -> Locator:
    """Return the locator that the settings choose."""
    return _chosen(
        settings.JURISDICTION_LOCATOR,
        settings.JURISDICTION_DEFAULT,
        settings.JURISDICTION_HEADER,
        tuple(settings.TRUSTED_PROXY_NETWORKS),
    )


@lru_cache
def _chosen(name: str, default: str, header: str, networks: tuple[str, ...]) -> Locator:
    if name == "header":
        return HeaderLocator(header=header, networks=networks)
    if name == "demo" and settings.RELAXED:
        return DemoLocator()
    return StaticLocator(region=default)
