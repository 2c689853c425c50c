"""The API's description as tests read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xxxchat import docs

BASE = "/api/v1"


@dataclass(frozen=True)
class Operation:
    """One operation of the description."""

    method: str
    path: str
    facts: Any

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def response(self, document: Any, status: str) -> Any:
        return resolved(document, self.facts["responses"][status])


def document_of() -> Any:
    """The description as a client reads it: JSON."""
    return json.loads(docs.written("json"))


def operations(document: Any) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, facts in methods.items():
            yield Operation(method.upper(), path, facts)


def resolved(document: Any, part: Any) -> Any:
    """What a `$ref` refers to; anything else as it is."""
    if "$ref" not in part:
        return part
    found = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found
