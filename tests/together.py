"""Batches on Django's connection: many people's requests in one transaction, without the process that gathers them."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from core.batches import Command, KeyedRequest, decided, loading, run_statement
from core.errors import DomainError
from core.ids import new_id
from tests.interleaving import Concurrent
from tests.world import ORIGIN


def asked(
    caller: User, given: Any, *, key: str = "", claims: Any = None, fingerprint: bytes = b""
) -> KeyedRequest[Any]:
    """Return a request with a key and an id of its own."""
    return KeyedRequest(
        caller_id=caller.pk,
        claims=claims,
        key=key or str(uuid4()),
        fingerprint=fingerprint,
        request_id=str(new_id()),
        origin=ORIGIN,
        input=given,
    )


def together(command: Command[Any], requests: Sequence[KeyedRequest[Any]], *, wait: bool = False) -> list[Any]:
    """Run the requests in one transaction; return each one's answer, refusal or `Later`."""
    with transaction.atomic():
        batch = command.batch(requests, wait=wait)
        done = decided(command, batch, [run_statement(each) for each in loading(batch)])
        for statement in done.statements:
            run_statement(statement)
    return done.outcomes


@contextmanager
def locked_elsewhere(*found: QuerySet[Any]) -> Iterator[None]:
    """Lock these rows in a transaction of another connection for the block."""
    holds, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert all(list(rows.select_for_update(no_key=True)) for rows in found)
            holds.set()
            done.wait(timeout=30)

    holder = Concurrent(hold)
    assert holds.wait(timeout=30)
    yield
    done.set()
    assert holder.result() is None


def codes(outcomes: Iterable[Any]) -> list[str]:
    """Return the codes of refusals, and the names of what is none."""
    return [outcome.code if isinstance(outcome, DomainError) else type(outcome).__name__ for outcome in outcomes]
