"""Commands that run apart from their endpoint's thread, which waits for nobody: the request is run twice.

The first run ends where the command would begin (`HandedOver`). Whoever runs requests lets the command run, with no
thread, no connection and no transaction for its request, and runs the request again with the outcome: in the place
where the command began it is returned, or raised. What the endpoint's code reads before is read twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from core.batches import Command, KeyedRequest
from core.errors import DomainError
from core.idempotency import Answer


class HandedOver(BaseException):
    """Ends the first run of a request. No handler of errors may see it: nothing has failed, and nothing is done."""

    def __init__(self, command: Command[Any], request: KeyedRequest[Any]) -> None:
        self.command = command
        self.request = request
        super().__init__(command.operation)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command that was handed over, and whose it was."""

    request: KeyedRequest[Any]
    became: Answer | DomainError


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of a request in a thread that takes commands out of it. `outcome`: of its first run."""

    outcome: Outcome | None


_run: ContextVar[_Run | None] = ContextVar("run", default=None)


@contextmanager
def running(outcome: Outcome | None = None) -> Iterator[None]:
    """Let commands be handed over in the block; with `outcome` it is a request's second run."""
    token = _run.set(_Run(outcome))
    try:
        yield
    finally:
        _run.reset(token)


def is_possible() -> bool:
    """Whether this request's commands may be handed over."""
    return _run.get() is not None


def has_outcome() -> bool:
    """Whether this is a request's second run: its key was looked up before, and now has its own answer."""
    run = _run.get()
    return run is not None and run.outcome is not None


def hand_over(command: Command[Any], request: KeyedRequest[Any]) -> Answer:
    """End the first run of a request; return its answer in the second, or raise its refusal.

    Raises:
        HandedOver; the refusal; RuntimeError: nobody would take it, or the second run asks for something else.
    """
    run = _run.get()
    if run is None:
        raise RuntimeError(f"Nobody takes {command.operation}.")
    if run.outcome is None:
        raise HandedOver(command, request)
    first, became = run.outcome.request, run.outcome.became
    if (first.caller_id, first.key, first.fingerprint) != (request.caller_id, request.key, request.fingerprint):
        raise RuntimeError(f"The second run of {command.operation} asks for something else.")
    if isinstance(became, DomainError):
        raise became
    return became
