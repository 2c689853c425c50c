from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class LiveConfig(AppConfig):
    name = "live"

    def ready(self) -> None:
        """Import every app's `event_types` module, which registers the event types that the app emits."""
        autodiscover_modules("event_types")
