"""The composition root as an application (for its commands), and the back office's default site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class CompositionConfig(AppConfig):
    name = "xxxchat"
    label = "xxxchat"


class BackOfficeConfig(AdminConfig):
    """`django.contrib.admin` with our own site: people are admitted by role, never by `is_staff`."""

    default_site = "accounts.backoffice.BackOffice"
