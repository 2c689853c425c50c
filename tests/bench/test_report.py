"""What is measured, and how its figures are put beside each other and beside what they must reach."""

import pytest

from bench import loads, report
from bench.bounds import BOUNDS, Bound
from bench.figures import Figures


def figures(per_second: float, **parts: float) -> Figures:
    return Figures(per_second=per_second, p50_ms=5, p95_ms=9, p99_ms=10, errors=0, statuses={"200": 1}, parts=parts)


@pytest.mark.parametrize(
    ("asked_for", "run"),
    [
        (["start", "spin alone", "start"], ["start", "spin alone"]),
        (["spins loyalty"], ["spins 64", "spins loyalty"]),
        (["spins loyalty", "start", "spins 64"], ["start", "spins 64", "spins loyalty"]),
        (None, list(loads.NAMES)),
    ],
)
def test_spins_paid_elsewhere_come_last_after_those_they_are_compared_with(
    asked_for: list[str] | None, run: list[str]
) -> None:
    assert loads.chosen(asked_for) == run


def test_a_load_is_beside_the_yardstick_before_and_after_it_and_spins_paid_elsewhere_beside_the_others() -> None:
    measured = {"spins 64": figures(500), "spins loyalty": figures(200)}

    found = report.beside(measured, [900, 1_100, 500])

    assert [each["ratio"] for each in found.values()] == [0.5, 0.25]
    assert found["spins loyalty"]["to_local"] == 0.4
    assert "to_local" not in found["spins 64"]


def test_what_is_done_later_and_elsewhere_is_shown_apart_from_the_servers_time() -> None:
    measured = {"spins 64": figures(500, web=1), "spins loyalty": figures(100, commands=2, worker=4, standin=8)}
    loads_found = report.beside(measured, [1_000, 1_000, 1_000])
    whole = {"pgbench": [1_000], "yardstick": {"scale": 1, "clients": 1}, "loads": loads_found, "ledger": True}

    text = report.table(whole)

    assert loads_found["spins loyalty"]["cpu_ms"] == 2
    assert list(report.summary(whole)["loads"]["spins loyalty"]) == list(report.SUMMARY)
    head = next(line for line in text.splitlines() if line.startswith("processor ms"))
    costs = [line.split() for line in text.splitlines() if line.startswith("spins loyalty")][1]
    assert head.split()[-3:] == ["worker", "standin", "client"]
    assert costs[-3:-1] == ["4", "8"]
    assert "spins loyalty       ratio to spins 64 0.2: must 0.25 NOT REACHED, goal 0.5 NOT REACHED" in text


def test_a_rate_must_be_high_and_a_latency_low() -> None:
    assert Bound("ratio", 0.5, 0.75).shown({"ratio": 0.5}) == "ratio to pgbench 0.5: must 0.5, goal 0.75 NOT REACHED"
    assert Bound("p95_ms", 100).shown({"p95_ms": 99.9}) == "p95_ms 99.9: must 100"
    assert Bound("p95_ms", 100).shown({"p95_ms": 100.0}) == "p95_ms 100.0: must 100 NOT REACHED"


def test_every_bound_is_of_a_load() -> None:
    assert set(BOUNDS) <= set(loads.NAMES)
