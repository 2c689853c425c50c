"""The composition root as an application (for its commands), and the site of the back office."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class CompositionConfig(AppConfig):
    name = "xxxchat"
    label = "xxxchat"

    def ready(self) -> None:
        from xxxchat.metrics import batches, commands, loyalty  # noqa: F401  a scrape of any process names every metric

        commands.connect()
        loyalty.connect()


class BackOfficeConfig(AdminConfig):
    """`django.contrib.admin` with its own site, which admits by role, never by `is_staff`."""

    default_site = "accounts.backoffice.site.BackOffice"
