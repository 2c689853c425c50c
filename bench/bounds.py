"""What each load must reach, and the goal; printed beside its figures, never asserted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RATES = {"ratio": "ratio to pgbench", "to_local": "ratio to spins 64"}
"""Figures that are to be high, by their names here; latencies are to be low."""


@dataclass(frozen=True)
class Bound:
    """`figure`: a member of the figures of a load."""

    figure: str
    must: float
    goal: float | None = None

    def shown(self, figures: Mapping[str, Any]) -> str:
        """Return the figure beside what it must be and the goal, with what is missed."""
        value, must = figures[self.figure], self._beside(figures, self.must)
        goal = "" if self.goal is None else f", goal {self._beside(figures, self.goal)}"
        return f"{RATES.get(self.figure, self.figure)} {value}: must {must}{goal}"

    def _beside(self, figures: Mapping[str, Any], bound: float) -> str:
        value = figures[self.figure]
        is_reached = value >= bound if self.figure in RATES else value < bound
        return f"{bound:g}" if is_reached else f"{bound:g} NOT REACHED"


BOUNDS = {
    "spins 64": (Bound("ratio", 0.5, 0.75), Bound("p95_ms", 100)),
    "spins 16": (Bound("ratio", 0.3, 0.4),),
    "spin alone": (Bound("p50_ms", 8, 4),),
    "purchases 64": (Bound("ratio", 0.4, 0.6), Bound("p95_ms", 100, 60)),
    "purchases one queue": (Bound("ratio", 0.25, 0.5),),
    "start": (Bound("p95_ms", 120, 40),),
    "finish": (Bound("p95_ms", 120, 40),),
    "queue read": (Bound("ratio", 0.2, 0.5),),
    "room page": (Bound("ratio", 0.1, 0.25),),
    "menus read": (Bound("ratio", 0.1, 0.25),),
    "streams": (Bound("p95_ms", 500, 250),),
    "spins loyalty": (Bound("to_local", 0.25, 0.5),),
}
