"""Processor time of the stack's processes, from the kernel's own count."""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def spent(parts: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds each part has used so far: the process and its descendants, also ended ones."""
    parents, seconds = _table()
    children: dict[int, list[int]] = defaultdict(list)
    for pid, parent in parents.items():
        children[parent].append(pid)

    def of(pid: int) -> float:
        return seconds.get(pid, 0.0) + sum(of(child) for child in children[pid])

    return {name: of(pid) for name, pid in parts.items()}


def _table() -> tuple[dict[int, int], dict[int, float]]:
    """Return the parent and the seconds of every process."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            values = text.rpartition(")")[2].split()
            parents[int(entry.name)] = int(values[1])
            seconds[int(entry.name)] = sum(map(int, values[11:15])) / TICKS_PER_S
    return parents, seconds
