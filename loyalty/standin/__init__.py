"""A stand-in RedRoomRewards for demo, tests and benchmarks: `manage.py loyalty_standin`.

It is a process of its own that speaks the contract over HTTP and keeps members, points and answers in a SQLite file.
It shares no code with the client that calls it and imports nothing of the product. Invariant: what was answered 200 is
in the file; a call whose key was used changes nothing.
"""

from loyalty.standin.options import Credentials, Options
from loyalty.standin.serving import run

__all__ = ["Credentials", "Options", "run"]
