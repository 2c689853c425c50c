"""The endpoint that Prometheus scrapes."""

import hmac
import os
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from core.envelope import respond
from core.errors import Unauthenticated
from xxxchat.metrics.state import ProductCollector


def _may_read(request: HttpRequest) -> bool:
    """Whether the bearer token is ours. Without one of ours: everybody in demo and test, nobody in production."""
    token = settings.METRICS_TOKEN
    if not token:
        return bool(settings.RELAXED)
    sent = request.headers.get("Authorization", "")
    return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())


def _forget_ended_processes(folder: Path) -> None:
    """Remove the live gauges of processes that have ended, such as the breaker of a killed one."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
        except PermissionError:
            continue  # another user's, and running


@never_cache
@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics. 200 in Prometheus' text format; 401 without `METRICS_TOKEN` as a bearer token.

    In production it is closed until the token is set; in demo and test it is open until then.
    """
    if not _may_read(request):
        return respond(Unauthenticated())
    registry = CollectorRegistry()
    registry.register(ProductCollector())
    counters = CollectorRegistry() if os.environ.get("PROMETHEUS_MULTIPROC_DIR") else REGISTRY
    if counters is not REGISTRY:
        _forget_ended_processes(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        MultiProcessCollector(counters)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(counters) + generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
