"""Signals as something to look at between two steps, never an exception in the middle of one."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from xxxchat.stack.errors import StopAsked

TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Remembers that the launcher was asked to stop. A second request finds it asked already."""

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._mouth, False)
        self._watched = [self._ear]

    @contextmanager
    def installed(self, *, until_eof_of: int | None = None) -> Iterator["Signals"]:
        """Take the signals over; the end of `until_eof_of` (a pipe from whoever started us) counts as one."""
        for number in TO_STOP:
            signal.signal(number, self._note)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # wakes `pause` when a child ends
        signal.set_wakeup_fd(self._mouth, warn_on_full_buffer=False)
        if until_eof_of is not None:
            self._watched.append(until_eof_of)
        yield self

    def pause(self, seconds: float) -> None:
        """Wait that long, or until any signal.

        Raises:
            StopAsked: one of them asked to stop, now or earlier.
        """
        readable, _, _ = select.select(self._watched, [], [], 0 if self.asked else seconds)
        for descriptor in readable:
            if not os.read(descriptor, 1024) and descriptor != self._ear:
                self.asked = self.asked or signal.SIGHUP
        if self.asked:
            raise StopAsked

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.asked = self.asked or signal.Signals(number)
