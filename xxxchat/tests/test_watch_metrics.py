"""What a scrape tells of markers and of the return."""

from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from compliance import services as compliance
from slots.tests.planting import plant, watch_all
from slots.tests.test_watching import AWRY
from tests.world import person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tampers]


def scraped() -> dict[str, float]:
    families = text_string_to_metric_families(Client().get("/metrics").content.decode())
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith(("xxxchat_markers", "xxxchat_rtp", "xxxchat_game", "xxxchat_watch"))
    }


def test_a_scrape_has_every_kind_at_zero_and_no_return_before_the_first_spin() -> None:
    assert scraped() == {
        **{f"xxxchat_markers_open['{kind}']": 0 for kind in compliance.MarkerKind.values},
        "xxxchat_game_closed_by_drift[]": 0,
        "xxxchat_watch_lag_seconds[]": 0,
    }


def test_a_scrape_tells_that_the_return_closed_the_machine(settings: Any) -> None:
    settings.SLOTS_DRIFT_MIN_SPINS = 200
    plant(person(), AWRY)
    assert scraped()["xxxchat_watch_lag_seconds[]"] > 0
    watch_all()

    found = scraped()

    assert found["xxxchat_game_closed_by_drift[]"] == found["xxxchat_markers_open['rtp_drift']"] == 1
    assert found["xxxchat_rtp_drift_spins['classic-95 v1']"] == 200
    assert found["xxxchat_rtp_drift_z['classic-95 v1']"] > 4.4
    assert found["xxxchat_watch_lag_seconds[]"] == 0
