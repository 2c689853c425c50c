"""The composition root as an application (for its commands), and the site of the back office."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class CompositionConfig(AppConfig):
    name = "xxxchat"
    label = "xxxchat"

    def ready(self) -> None:
        from xxxchat.metrics import batches, commands, loyalty  # noqa: F401  a scrape of any process names every metric

        commands.connect()
        loyalty.connect()


class BackOfficeConfig(SimpleAdminConfig):
    """`django.contrib.admin` with its own site, which admits by role, never by `is_staff`.

    The applications' admin modules are imported with the addresses (`xxxchat.urls`), and to be checked: they are a
    fifth of what a start imports, and half of the processes show no page.
    """

    default_site = "accounts.backoffice.site.BackOffice"

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_admin_classes, checks.Tags.admin)


def _check_admin_classes(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    admin.autodiscover()
    return check_admin_app(app_configs, **options)
