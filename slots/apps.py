from django.apps import AppConfig


class SlotsConfig(AppConfig):
    name = "slots"

    def ready(self) -> None:
        """Name what closes the spins that reconciliation has asked RedRoomRewards about."""
        from loyalty.services import close_deducts_by
        from slots.services import resolve_intent

        close_deducts_by(resolve_intent)
