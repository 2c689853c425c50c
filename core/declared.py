"""The errors that an endpoint can answer: those of its kind, derived here, and those of its rules, in its `refuses`."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings

from core import errors
from core.envelope import STATUS
from core.errors import DomainError
from core.shapes import by_method

WRITES = ("POST", "PUT", "PATCH", "DELETE")


def errors_of(endpoint: Any, method: str, *, has_id: bool) -> set[type[DomainError]]:
    """Every error that a method of an endpoint may answer; `has_id`: its path contains the id of a row."""
    found = {
        errors.ValidationFailed,
        errors.NotAcceptable,
        errors.InternalError,
        errors.QueueBusy,
        errors.LedgerUnavailable,
        *(by_method(endpoint.refuses, method) or ()),
    }
    if endpoint.authentication_classes:
        found.add(errors.Unauthenticated)
        found.update(error for each in endpoint.authentication_classes for error in each.refuses)
    if endpoint.roles:
        found.add(errors.RoleNotAllowed)
    if has_id:
        found.add(errors.NotFound)
    if method in WRITES:
        found |= {errors.InvalidJson, errors.BodyTooLarge, errors.UnsupportedMediaType}
        if endpoint.authentication_classes:
            found.add(errors.CsrfFailed)
        if endpoint.operation:
            found |= {errors.IdempotencyKeyRequired, errors.IdempotencyKeyReused, errors.RequestInProgress}
    return found


@cache
def codes_of(endpoint: Any, method: str, *, has_id: bool) -> dict[int, list[str]]:
    """The codes that a method of an endpoint may answer, by status, in order."""
    by_status: dict[int, set[str]] = defaultdict(set)
    for error in errors_of(endpoint, method, has_id=has_id):
        by_status[STATUS[error.kind]].add(error.code)
    return {status: sorted(by_status[status]) for status in sorted(by_status)}


def every_error() -> Iterator[type[DomainError]]:
    """Every error with a code, of every app of ours."""
    for config in apps.get_app_configs():
        if Path(config.path).parent == Path(settings.BASE_DIR) and find_spec(f"{config.name}.errors"):
            import_module(f"{config.name}.errors")
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        found = waiting.pop().__subclasses__()
        waiting += found
        yield from (each for each in found if hasattr(each, "code") and ".tests." not in each.__module__)


def by_code() -> dict[str, type[DomainError]]:
    """The closed list of codes, sorted, each with the first error that has it: the most general one."""
    found: dict[str, type[DomainError]] = {}
    for error in sorted(every_error(), key=lambda each: (len(each.__mro__), each.__module__, each.__name__)):
        found.setdefault(error.code, error)
    return dict(sorted(found.items()))
