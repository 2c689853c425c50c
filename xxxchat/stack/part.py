"""What the supervisor is to run: one process of the stack, with its children."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POSTGRES = "postgres"
BROKER = "broker"
SERVICES = (POSTGRES, BROKER)
"""Parts that every other part needs: started first, stopped last, in an environment of their own."""
GROUPS = ("services", "rewards", "product")
"""The last is stopped first, and each when the one after it has ended."""


@dataclass(frozen=True)
class Part:
    """A command line by its arguments. `uid`: the user it runs as, where that is not ours.

    What ends within `starts_within_s` has failed to start: the next tries wait 1 s, 2 s, 3 s … What has not ended
    `stops_within_s` after its signal to stop is killed. `serves_product`: the product's own processes ask it until
    they have ended, so it is stopped after them.
    """

    name: str
    command: Sequence[str | Path]
    directory: Path
    stop_signal: str = "TERM"
    uid: int | None = None
    starts_within_s: int = 1
    stops_within_s: int = 1
    serves_product: bool = False

    @property
    def is_service(self) -> bool:
        """Whether it is a server that the product's own processes need."""
        return self.name in SERVICES

    @property
    def group(self) -> str:
        """The group that it is stopped with."""
        return GROUPS[0] if self.is_service else GROUPS[1] if self.serves_product else GROUPS[2]


@dataclass(frozen=True)
class PartStatus:
    """What the supervisor knows about a part. `restarts`: how often it has ended by itself, `reason`: how, last."""

    name: str
    state: str
    pid: int
    uptime_s: int
    restarts: int
    reason: str

    @property
    def is_up(self) -> bool:
        """Whether it has been running for longer than a failed start takes."""
        return self.state == "RUNNING"

    @property
    def is_failing(self) -> bool:
        """Whether its last start failed and the next one waits."""
        return self.state in ("BACKOFF", "FATAL")
