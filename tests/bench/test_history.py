"""How two histories are compared, and what they need."""

from bench import history
from bench.figures import Figures
from bench.history import Side


def figures(p50_ms: float) -> Figures:
    return Figures(
        per_second=1, p50_ms=p50_ms, p95_ms=2 * p50_ms, p99_ms=3 * p50_ms, errors=1, statuses={"200": 1}, parts={}
    )


def side(rows: int, *p50s: float) -> Side:
    return Side(rows=rows, stack=None, queues=None, rounds={"a load": [figures(each) for each in p50s]})  # type: ignore[arg-type]


def test_a_ratio_is_the_median_of_the_rounds_so_that_a_slow_minute_counts_once() -> None:
    little, much = side(10, 4.0, 40.0, 4.0), side(1000, 4.4, 44.0, 40.0)

    compared = history.compared("a load", little, much)

    assert compared == {
        "little": {"p50_ms": 4.0, "p95_ms": 8.0, "errors": 3},
        "much": {"p50_ms": 40.0, "p95_ms": 80.0, "errors": 3},
        "ratio": 1.1,
    }


def test_the_disk_needed_grows_with_the_rows() -> None:
    base = history.need(0)

    assert history.need(10_000_000) - base == 10_000_000 * history.SPIN_BYTES + 1_000_000 * history.ITEM_BYTES
    assert base > 0
