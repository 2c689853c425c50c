"""Processor time of the stack's processes, from the kernel's own count."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Meter:
    """Processor time of a stack's parts and of this process, added up over pieces of work."""

    def __init__(self, parts: Mapping[str, int]) -> None:
        self._parts = parts
        self._seconds = dict.fromkeys([*parts, "client"], 0.0)

    def over(self, work: Callable[[], T]) -> T:
        """Do the work and count what it costs."""
        before = self._now()
        done = work()
        for part, seconds in self._now().items():
            self._seconds[part] += seconds - before[part]
        return done

    def ms_of_each(self, number: int) -> dict[str, float]:
        return {part: round(seconds / max(number, 1) * 1000, 3) for part, seconds in self._seconds.items()}

    def _now(self) -> dict[str, float]:
        return spent(self._parts) | {"client": time.process_time()}


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
