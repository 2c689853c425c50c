import threading

from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    name = "loyalty"
    verbose_name = "Loyalty points"

    def ready(self) -> None:
        """Ask for a round of reconciliation whenever this process's circuit breaker has closed."""
        from loyalty.client import breaker

        breaker.on_change(_reconcile_once_closed)


def _reconcile_once_closed(state: str) -> None:
    """In a thread of its own: the broker may be slow, and the change is told where calls are made."""
    from core.dispatch import request_run

    if state == "closed":
        threading.Thread(target=request_run, args=["loyalty.reconcile"], daemon=True).start()
