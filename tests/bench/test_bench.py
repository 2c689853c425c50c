"""`make bench` itself, on a stack of its own with few people. Its spins run in `tests/faults/test_loyalty.py`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from bench import loads

TINY = ("--seconds", "1", "--buyers", "120", "--performers", "4", "--scale", "1")
PICKED = ("start", "queue read 304")


@pytest.mark.stack
def test_the_last_line_is_the_figures_of_the_loads_that_were_asked_for() -> None:
    command = [sys.executable, "-m", "bench", *TINY, "--json", *(f"--only={name}" for name in PICKED)]

    run = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr[-2000:]
    figures = json.loads(run.stdout.splitlines()[-1])
    assert list(figures) == ["pgbench", "loads", "ledger"]
    assert figures["ledger"] is True
    assert len(figures["pgbench"]) == len(PICKED) + 1
    assert all(tps > 0 for tps in figures["pgbench"])
    assert list(figures["loads"]) == list(PICKED)
    for name, load in figures["loads"].items():
        assert list(load) == ["per_second", "ratio", "p50_ms", "p95_ms", "errors", "cpu_ms"]
        assert load["errors"] == 0, name
        assert min(load["per_second"], load["ratio"], load["p50_ms"], load["cpu_ms"]) > 0, name
        assert load["p50_ms"] <= load["p95_ms"], name
    assert "processor ms of each" in run.stdout


def test_the_loads_have_the_names_of_the_figures() -> None:
    assert loads.NAMES == (
        "spins 64", "spins 16", "spin alone", "purchases 64", "purchases one queue", "start", "finish",
        "queue read", "queue read 304", "room page", "menus read", "streams", "spins loyalty",
    )  # fmt: skip
    text = (Path(settings.BASE_DIR) / "bench" / "README.md").read_text(encoding="utf-8")
    assert [name for name in loads.NAMES if f"`{name}`" not in text] == []
