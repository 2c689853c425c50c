"""The state of the product, read from the database at each scrape, in a few statements."""

import time
from collections.abc import Callable, Iterator

import structlog
from django.db import Error
from prometheus_client.core import GaugeMetricFamily

from compliance import services as compliance
from core import rounds
from escrow import services as escrow
from loyalty import services as loyalty
from perfqueue import services as perfqueue
from slots import services as slots
from xxxchat.rounds import ROUNDS

COSTLY_PART = 0.02
logger = structlog.get_logger()


class Costly:
    """A figure that takes long to read once there is much data: read anew so seldom that it keeps one process busy for
    at most a fiftieth of its time. Each process has its own."""

    def __init__(self, read: Callable[[], float | None]) -> None:
        self._read = read
        self._value: float | None = None
        self._fresh_until = 0.0

    def value(self) -> float | None:
        """The figure, read now or lately. A read that fails counts with its time too. Raises what the read raises."""
        began = time.monotonic()
        if began >= self._fresh_until:
            try:
                self._value = self._read()
            finally:
                ended = time.monotonic()
                self._fresh_until = ended + (ended - began) / COSTLY_PART
        return self._value


spins_per_player = Costly(slots.spins_per_player)


class ProductCollector:
    """Gauges of the product. `xxxchat_up` is 0 while the database does not answer, and the rest is missing."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauges: list[GaugeMetricFamily] = []
        for read in (_queues, _ledger, _watch, _loyalty, _rounds, _records):
            try:
                gauges += read()
            except Error as error:
                logger.warning("metrics_database_down", error=type(error).__name__)
                gauges = []
                break
        yield _gauge("xxxchat_up", "1 if the database answers.", float(bool(gauges)))
        yield from gauges
        if gauges:
            yield from _play()


def _queues() -> Iterator[GaugeMetricFamily]:
    now = perfqueue.backlog()
    yield _by("xxxchat_queue_items", "Open items of all queues.", "state",
              created=now.created, started=now.started, abandoned=now.abandoned)  # fmt: skip
    yield _by("xxxchat_queues", "Queues by state.", "is",
              open=now.queues_open, paused=now.queues_paused, away=now.queues_away)  # fmt: skip
    yield _gauge("xxxchat_queue_held_tokens", "Tokens held for open items.", now.held)
    yield _gauge("xxxchat_queue_overdue_items", "Items past a deadline, not yet expired.", now.overdue)
    yield _gauge("xxxchat_queue_oldest_wait_seconds", "How long the longest waiting item has waited.", now.oldest_s)
    yield _gauge("xxxchat_queue_run_items_waiting", "Items of staff's runs without a result.", now.run_items)
    yield _gauge("xxxchat_queue_utilisation_ratio",
                 "Time on stage by time that queues were open, in the last hour.", perfqueue.utilisation())  # fmt: skip
    yield _gauge("xxxchat_sweeper_age_seconds", "Since any sweeper's last round.", perfqueue.sweeper_age_s())


def _ledger() -> Iterator[GaugeMetricFamily]:
    findings, age_s = escrow.state_of_ledger()
    yield _gauge("xxxchat_ledger_open_findings", "Open findings of the verifier.", findings)
    yield _gauge("xxxchat_ledger_verified_age_seconds", "Since the verifier's last run ended.", age_s)
    yield _gauge("xxxchat_points_in_circulation", "Loyalty points in all wallets, less what is owed.",
                 escrow.in_circulation(escrow.Currency.POINT))  # fmt: skip
    yield _gauge("xxxchat_tokens_held", "Tokens in open holds, with or without a queue item.",
                 escrow.held_in(escrow.Currency.TOKEN))  # fmt: skip


def _watch() -> Iterator[GaugeMetricFamily]:
    """The active paytable's return has no sample before its first spin is counted, or without a paytable."""
    now = slots.watched()
    yield _by("xxxchat_markers_open", "Open markers by kind: what staff should look at.", "kind",
              **compliance.open_markers())  # fmt: skip
    yield _gauge("xxxchat_game_closed_by_drift", "1 while its return has closed the slot machine.",
                 float(now.closed_by_drift))  # fmt: skip
    yield _gauge("xxxchat_watch_lag_seconds", "Age of the oldest spin that was not read for markers and drift.",
                 now.lag_s)  # fmt: skip
    drift = GaugeMetricFamily(
        "xxxchat_rtp_drift_z", "Standard deviations of the active paytable's return from its own.", labels=["paytable"]
    )
    counted = GaugeMetricFamily(
        "xxxchat_rtp_drift_spins", "Spins that the return of the active paytable is counted from.", labels=["paytable"]
    )
    if now.returned is not None and now.returned.z is not None:
        drift.add_metric([now.returned.paytable], now.returned.z)
        counted.add_metric([now.returned.paytable], now.returned.spins)
    yield from (drift, counted)


def _loyalty() -> Iterator[GaugeMetricFamily]:
    """What is on its way to RedRoomRewards."""
    now = loyalty.backlog()
    yield _gauge("xxxchat_loyalty_outbox_operations", "Operations that the outbox has to deliver.", now.outbox)
    yield _gauge("xxxchat_loyalty_outbox_oldest_seconds", "Age of the oldest of them.", now.outbox_oldest_s)
    yield _gauge("xxxchat_loyalty_unknown_operations", "Operations whose outcome is unknown.", now.unknown)
    yield _gauge("xxxchat_loyalty_unknown_oldest_seconds", "Age of the oldest of them.", now.unknown_oldest_s)
    yield _gauge("xxxchat_loyalty_dead_operations", "Operations that were not delivered, for staff.", now.dead)


def _records() -> Iterator[GaugeMetricFamily]:
    """The comparison of figures has no sample before the first one."""
    archives, check = slots.archive_health(), slots.last_check()
    yield _gauge("xxxchat_archives_defective", "Archived months whose last replay found defects, or that were not "
                 "replayed.", archives.defective)  # fmt: skip
    yield _gauge("xxxchat_archives_late", "Months that should have been archived.", archives.late)
    yield _gauge("xxxchat_figures_differing", "Figures of play that differed from the players' totals at the last "
                 "comparison.", check.differences if check else None)  # fmt: skip


def _rounds() -> Iterator[GaugeMetricFamily]:
    """A round has samples from when it was first begun."""
    now = {each.name: each for each in rounds.states()}
    known = [each for each in ROUNDS if each.name in now]
    yield _by("xxxchat_round_age_seconds", "Since each round last ended without a failure.", "round",
              **{each.name: now[each.name].age_s for each in known})  # fmt: skip
    yield _by("xxxchat_round_periods", "The same, in periods of the round.", "round",
              **{each.name: now[each.name].age_s / each.every.total_seconds() for each in known})  # fmt: skip
    yield _by("xxxchat_round_failing", "1 while the last one of this round failed.", "round",
              **{each.name: int(now[each.name].is_failing) for each in known})  # fmt: skip


def _play() -> Iterator[GaugeMetricFamily]:
    """Without a sample when the figure cannot be read in time; the other gauges stay."""
    try:
        figure = spins_per_player.value()
    except Error as error:
        logger.warning("metrics_figure_missing", figure="spins_per_player", error=type(error).__name__)
        figure = None
    yield _gauge("xxxchat_spins_per_player_day", "Spins per player who played, in the last 24 hours.", figure)


def _by(name: str, help_text: str, label: str, **figures: float) -> GaugeMetricFamily:
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
