"""What the person at the terminal sees of the parts: their output, and that one has ended.

The launcher reads the parts' log files, so that a terminal that stands still (Ctrl-S) holds up nobody else.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from xxxchat.stack.folder import Folder
from xxxchat.stack.part import PartStatus

UPDATE_EVERY_S = 1.0
SHOWN_AT_ONCE = 64 * 1024


def show(text: str) -> None:
    """Print a line for the person at the terminal."""
    print(text, flush=True)


class Terminal:
    """Shows the output of parts, and that one has ended.

    A part that keeps failing repeats what it says at every try: that stays in its log. Nothing is shown more often
    than once a second, so a part is not named more often.
    """

    def __init__(self, folder: Folder, names: Iterable[str]) -> None:
        self._folder = folder
        self._tails = {name: Tail(folder.log_of(name)) for name in names}
        self._kept: dict[str, list[str]] = {}
        self._restarts: dict[str, int] = {}
        self._updated = -UPDATE_EVERY_S

    def update(self, parts: Iterable[PartStatus]) -> None:
        """Show what is new, if the last time is a second ago: the lines that came in, and which parts have ended."""
        if time.monotonic() - self._updated < UPDATE_EVERY_S:
            return
        self._updated = time.monotonic()
        for part in parts:
            lines = self._kept.pop(part.name, [])
            if part.name in self._tails:
                lines += self._tails[part.name].read()
            if part.is_up or not part.restarts:
                for line in lines:
                    show(f"{part.name:<8} | {line}")
            elif not part.is_failing:
                self._kept[part.name] = lines  # until it is known whether it stays up
            if part.restarts > self._restarts.get(part.name, 0):
                self._restarts[part.name] = part.restarts
                show(
                    f"{part.name} ended ({part.reason}) and is started again. Its log: {self._folder.log_of(part.name)}"
                )

    def forget_restarts(self) -> None:
        """The supervisor is a new one and counts from 0."""
        self._restarts.clear()


class Tail:
    """The lines that come into a file from now on. What was not read before the file is made anew is not shown."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._read = (path.stat().st_ino, path.stat().st_size) if path.exists() else (0, 0)
        self._rest = b""

    def read(self) -> list[str]:
        """Return the complete lines since the last call, the newest 64 KiB at most."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            file.seek(self._read if inode == self._inode else 0)
            data = self._rest + file.read()[-SHOWN_AT_ONCE:]
            self._inode, self._read = inode, file.tell()
        complete, newline, self._rest = data.rpartition(b"\n")
        return (complete + newline).decode(errors="replace").splitlines()
