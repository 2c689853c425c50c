"""How the stand-in runs, as its command line says."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from loyalty.standin.answers import Shape


@dataclass(frozen=True)
class Credentials:
    """Who may call, and the secret that signs events."""

    client_id: str
    client_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True)
class Options:
    """`enrol`: who confirms with an unknown member's id becomes it with so many points; the code itself is a proof."""

    storage: Path
    host: str = "127.0.0.1"
    port: int = 0
    webhook_url: str = ""
    shape: Shape = Shape.FLAT
    seed: int = 1
    token_life_s: int = 3_600
    intent_life_s: float = 600.0
    enrol: int | None = None

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """Describe the command line."""
        parser.add_argument("--storage", type=Path, required=True, help="its SQLite file; made if there is none")
        parser.add_argument("--host", default="127.0.0.1", help="where to listen; who can connect can steer it")
        parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
        parser.add_argument("--webhook-url", default="", help="where events are sent")
        parser.add_argument("--shape", type=Shape, choices=list(Shape), default=Shape.FLAT, help="of refusals")
        parser.add_argument("--seed", type=int, default=1, help="of faults that have a rate")
        parser.add_argument("--token-life-s", type=int, default=3_600)
        parser.add_argument("--intent-life-s", type=float, default=600.0)
        parser.add_argument("--enrol", type=int, help="who confirms an unknown member becomes it, with so many points")

    @classmethod
    def of(cls, given: dict[str, object]) -> Self:
        """Return the options that were given, among others that are not ours."""
        return cls(**{name: given[name] for name in cls.__dataclass_fields__})  # type: ignore[arg-type]
