"""A run: loads on a stack, one after the other, each between two runs of the yardstick and with a proof after it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench import elsewhere, loads, report, world
from bench.figures import Figures
from bench.proofs import verified
from bench.queues import Queues
from bench.yardstick import Yardstick
from xxxchat.stack import Stack

SETTINGS = {"LOG_LEVEL": "WARNING", "LIVE_STREAMS_PER_ADDRESS": str(loads.STREAMS)}
"""Every limit is the default one but this: all streams come from one address."""
STARTED_WITHIN_S = 300.0


@dataclass
class Run:
    """What was measured so far. `tps`: the yardstick before the first load and after each."""

    options: argparse.Namespace
    tps: list[float] = field(default_factory=list)
    figures: dict[str, Figures] = field(default_factory=dict)
    is_right: bool = True

    def here(self, names: Sequence[str]) -> None:
        """Run loads on one fresh stack whose points are its own."""
        options = self.options
        with Stack(env=SETTINGS, web_processes=options.web, started_within_s=STARTED_WITHIN_S) as stack:
            print(f"Making {options.buyers} buyers, who spin once, and {options.performers} performers.", flush=True)
            people = world.made_apart(stack.environment, buyers=options.buyers, performers=options.performers)
            queues, yardstick = Queues(stack.url, stack.database_url, people), self._yardstick(stack)
            self.tps.append(yardstick.tps(options.seconds))
            for name in names:
                self._add(name, loads.run(name, stack, queues, options.seconds), yardstick)
                self._prove(name, verified(stack))

    def elsewhere(self) -> None:
        """Run `spins loyalty` on another fresh stack; the yardstick before it is the last one of the stack before."""
        options, name = self.options, loads.ELSEWHERE
        buyers, settings = min(options.buyers, elsewhere.MOST_BUYERS), SETTINGS | elsewhere.SETTINGS
        with Stack(env=settings, web_processes=options.web, started_within_s=STARTED_WITHIN_S) as stack:
            print(f"Making {buyers} buyers, who spin once, linked to RedRoomRewards.", flush=True)
            with elsewhere.started(stack, buyers=buyers) as running:
                yardstick = self._yardstick(stack)
                self._add(name, loads.run(loads.BESIDE, stack, running.queues, options.seconds), yardstick)
                self._prove(name, running.adds_up() and verified(stack))

    def _yardstick(self, stack: Stack) -> Yardstick:
        return Yardstick(stack.database_url, scale=self.options.scale)

    def _add(self, name: str, figures: Figures, yardstick: Yardstick) -> None:
        self.figures[name] = figures
        self.tps.append(yardstick.tps(self.options.seconds))

    def _prove(self, name: str, is_right: bool) -> None:
        self.is_right &= is_right
        print(report.progress(name, self.figures[name], self.tps[-2:]), flush=True)
