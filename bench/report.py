"""Reports: what is printed of a run, and one file per run, with its day and its commit."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.bounds import BOUNDS
from bench.figures import APART, SERVER, Figures
from bench.loads import BESIDE, ELSEWHERE

REPORTS = Path(__file__).parent / "reports"
SUMMARY = ("per_second", "ratio", "p50_ms", "p95_ms", "errors", "cpu_ms")


def beside(figures: Mapping[str, Figures], tps: Sequence[float]) -> dict[str, dict[str, Any]]:
    """Return the figures of each load with their ratio to the mean of the yardsticks before and after it.

    `to_local`: the ratio of spins that are paid elsewhere to those of the same run that are not.
    """
    found: dict[str, dict[str, Any]] = {
        name: asdict(each) | {"cpu_ms": each.cpu_ms, "ratio": round(each.per_second * 2 / (before + after), 3)}
        for (name, each), before, after in zip(figures.items(), tps, tps[1:], strict=False)
    }
    if ELSEWHERE in found:
        found[ELSEWHERE]["to_local"] = round(figures[ELSEWHERE].per_second / figures[BESIDE].per_second, 3)
    return found


def summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a program reads of a report."""
    loads = {name: {each: figures[each] for each in SUMMARY} for name, figures in report["loads"].items()}
    return {"pgbench": report["pgbench"], "loads": loads, "ledger": report["ledger"]}


def progress(name: str, figures: Figures, tps: Sequence[float]) -> str:
    beside = " and ".join(f"{each:.0f}" for each in tps)
    return f"{name}: {figures.per_second}/s, p95 {figures.p95_ms} ms, {figures.errors} errors; pgbench {beside}"


def table(report: Mapping[str, Any]) -> str:
    """Return the figures as a table."""
    rates = ", ".join(f"{tps:.0f}" for tps in report["pgbench"])
    yardstick = "scale {scale}, {clients} clients, fsync on".format(**report["yardstick"])
    parts = "".join(f"{part:>10}" for part in (*SERVER, *APART))
    text = [
        f"pgbench tpcb-like in between: {rates} tps ({yardstick})",
        f"{'':20}{'per s':>9}{'ratio':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'errors':>8}  statuses",
    ]
    for name, figures in report["loads"].items():
        numbers = "".join(f"{figures[each]:>9}" for each in ("p50_ms", "p95_ms", "p99_ms"))
        text.append(
            f"{name:20}{figures['per_second']:>9}{figures['ratio']:>8}{numbers}{figures['errors']:>8}  "
            + ", ".join(f"{status}: {number}" for status, number in figures["statuses"].items())
        )
    text += [
        "A stream's figures are events a second at the clients, and the time from an event's row to them.",
        f"{'processor ms of each':20}{'server':>9}{parts}",
    ]
    for name, figures in report["loads"].items():
        costs = "".join(f"{figures['parts'].get(part, 0.0):>10}" for part in (*SERVER, *APART))
        text.append(f"{name:20}{figures['cpu_ms']:>9}{costs}")
    text += [
        f"{name:20}" + "; ".join(bound.shown(figures) for bound in BOUNDS[name])
        for name, figures in report["loads"].items()
        if name in BOUNDS
    ]
    text.append(f"Ledger and spins {'add up' if report['ledger'] else 'DO NOT ADD UP'} after every load.")
    return "\n".join(text)


def commit() -> str:
    """The commit that is measured; `+` if the tree differs from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")


def keep(report: dict[str, Any], what: str) -> Path:
    """Write a report, which has `at` and `commit`; return its file."""
    file = REPORTS / f"{report['at'][:10]}-{what}-{report['commit']}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(report, indent=2) + "\n")
    return file
