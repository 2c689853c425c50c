"""The launcher: database, broker and every process of the product, started and stopped as one.

Invariant: it stops everything that it started and nothing else, however it ends. `make demo` runs it; tests and
benchmarks use `Stack`, or a server alone. Nothing here needs a configured Django.
"""

from xxxchat.stack.broker import EmbeddedBroker
from xxxchat.stack.client import Stack
from xxxchat.stack.errors import StackError
from xxxchat.stack.postgres import EmbeddedPostgres

__all__ = ["EmbeddedBroker", "EmbeddedPostgres", "Stack", "StackError"]
