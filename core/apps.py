from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        """Import every app's `checks` module, which registers its start-up checks."""
        autodiscover_modules("checks")
