"""`/metrics`: the counters of every process (requests, responses, latencies), and the current state of the product.

Counters of several processes are summed through `PROMETHEUS_MULTIPROC_DIR`. The state is read from the database at
each scrape, in a few statements; if the database is not reached, `xxxchat_up` is 0 and the rest is missing.
"""

import hmac
import os
from collections.abc import Iterator
from pathlib import Path

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from core.envelope import respond
from core.errors import Unauthenticated
from escrow import services as escrow
from perfqueue import services as perfqueue

STATES = {"closed": 0, "half-open": 1, "open": 2}
logger = structlog.get_logger()
breaker = Gauge(
    "xxxchat_ledger_breaker",
    "The circuit breaker around the ledger: 0 closed, 1 half-open, 2 open; the worst of all processes.",
    multiprocess_mode="livemax",
)


class ProductCollector:
    """The state of the product, read at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("xxxchat_up", "1 if the database answers.")
        try:
            gauges = list(_state())
        except Error as error:
            logger.warning("metrics_database_down", error=type(error).__name__)
            gauges = []
        up.add_metric([], float(bool(gauges)))
        yield up
        yield from gauges


def _state() -> Iterator[GaugeMetricFamily]:
    now = perfqueue.backlog()
    yield _by("xxxchat_queue_items", "Open items of all queues.", "state",
              created=now.created, started=now.started, abandoned=now.abandoned)  # fmt: skip
    yield _by("xxxchat_queues", "Queues by state.", "is",
              open=now.queues_open, paused=now.queues_paused, away=now.queues_away)  # fmt: skip
    yield _gauge("xxxchat_queue_held_tokens", "Tokens held for open items.", now.held)
    yield _gauge("xxxchat_queue_overdue_items", "Items past a deadline, not yet expired.", now.overdue)
    yield _gauge("xxxchat_queue_oldest_wait_seconds", "How long the longest waiting item has waited.", now.oldest_s)
    yield _gauge("xxxchat_queue_run_items_waiting", "Items of staff's runs without a result.", now.run_items)
    yield _gauge("xxxchat_sweeper_age_seconds", "Since any sweeper's last round.", perfqueue.sweeper_age_s())
    findings, age_s = escrow.state_of_ledger()
    yield _gauge("xxxchat_ledger_open_findings", "Open findings of the verifier.", findings)
    yield _gauge("xxxchat_ledger_verified_age_seconds", "Since the verifier's last run ended.", age_s)


def _by(name: str, help_text: str, label: str, **figures: int) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, figure in figures.items():
        family.add_metric([value], figure)
    return family


def _gauge(name: str, help_text: str, value: float | None) -> GaugeMetricFamily:
    """Return a gauge without labels; without a sample while there is no value."""
    family = GaugeMetricFamily(name, help_text)
    if value is not None:
        family.add_metric([], value)
    return family


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
    """GET /metrics. 200 in Prometheus' text format; 401 if `METRICS_TOKEN` is set and not sent as a bearer token."""
    token = settings.METRICS_TOKEN
    if token and not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
        return respond(Unauthenticated())
    registry = CollectorRegistry()
    registry.register(ProductCollector())
    counters = CollectorRegistry() if os.environ.get("PROMETHEUS_MULTIPROC_DIR") else REGISTRY
    if counters is not REGISTRY:
        _forget_ended_processes(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        MultiProcessCollector(counters)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(counters) + generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
