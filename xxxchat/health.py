"""The operator's probes: is the process alive, and may it be sent traffic.

`/livez` reads nothing. `/readyz` is 503 only while no endpoint can work (database, migrations); anything that only
slows the product down is reported as `"status": "degraded"` with 200.
"""

from collections.abc import Callable
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from escrow import services as escrow
from loyalty import services as loyalty
from perfqueue import services as perfqueue
from xxxchat.metrics.view import metrics

BROKER_TIMEOUT_S = 0.5
SWEEPER_MISSED_ROUNDS = 5
SWEEPER_MIN_AGE_S = 15.0
VERIFIER_MAX_AGE_S = 600.0

logger = structlog.get_logger()
Part = dict[str, Any]
OK: Part = {"status": "ok"}


def database() -> Part:
    """Read one row, then check that every migration of this release is applied."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        loader = MigrationLoader(connection)
        missing = loader.graph.nodes.keys() - (loader.applied_migrations or {}).keys()
    except Error as error:
        return unreachable(error)
    if missing:
        return {"status": "down", "reason": "unapplied migrations", "unapplied": len(missing)}
    return OK


def broker() -> Part:
    """Ping the broker: without it tasks, cache and throttles stop, but nothing is lost."""
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=BROKER_TIMEOUT_S, socket_timeout=BROKER_TIMEOUT_S
    )
    try:
        client.ping()
    except redis.RedisError as error:
        return {"status": "degraded", "reason": type(error).__name__}
    finally:
        client.close()
    return OK


def sweeper() -> Part:
    """Read how long ago a sweeper (beat's task or `queue_sweeper`) last finished a round, in seconds."""
    try:
        age_s = perfqueue.sweeper_age_s()
    except Error as error:
        return unreachable(error)
    if age_s is None:
        return {"status": "degraded", "reason": "has not run yet"}
    limit_s = max(SWEEPER_MISSED_ROUNDS * settings.SWEEP_EVERY_S, SWEEPER_MIN_AGE_S)
    status = "ok" if age_s <= limit_s else "degraded"
    return {"status": status, "ageS": round(age_s, 1)}


def ledger() -> Part:
    """Read how many findings of the verifier are open, and how long ago its last run ended, in seconds."""
    try:
        findings, age_s = escrow.state_of_ledger()
    except Error as error:
        return unreachable(error)
    facts = {"openFindings": findings, "verifiedAgeS": None if age_s is None else round(age_s, 1)}
    is_well = findings == 0 and (age_s is None or age_s <= VERIFIER_MAX_AGE_S)
    return {"status": "ok" if is_well else "degraded", **facts}


def breaker() -> Part:
    """Read this process's circuit breaker around the ledger; each process has its own."""
    state = escrow.breaker_state()
    return {"status": "ok" if state == "closed" else "degraded", "state": state}


def rewards() -> Part:
    """Read how many processes' circuit breakers around RedRoomRewards are open: only spins need it."""
    try:
        count = loyalty.refusing_processes()
    except Error as error:
        return unreachable(error)
    return {"status": "degraded" if count else "ok", "openBreakers": count}


def unreachable(error: Exception) -> Part:
    """Log the kind of the failure (its text may name hosts and roles) and report `down`."""
    logger.warning("readyz_database_down", error=type(error).__name__)
    return {"status": "down", "reason": "unreachable"}


AFTER_DATABASE: dict[str, Callable[[], Part]] = {
    "broker": broker,
    "sweeper": sweeper,
    "ledger": ledger,
    "breaker": breaker,
}


@never_cache
@csrf_exempt
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """GET /livez. 200 as long as this process answers."""
    return JsonResponse(OK)


@never_cache
@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """GET /readyz. 200 `ok` or `degraded`; 503 `down` (database, migrations). Each part is named."""
    parts = {"database": database()}
    if parts["database"] == OK:
        parts |= {name: check() for name, check in AFTER_DATABASE.items()}
        if loyalty.is_remote():
            parts["loyalty"] = rewards()
    states = {part["status"] for part in parts.values()}
    status = next(state for state in ("down", "degraded", "ok") if state in states)
    return JsonResponse({"status": status, "parts": parts}, status=503 if status == "down" else 200)


urlpatterns = [
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
