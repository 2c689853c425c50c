"""Signals are recorded when they arrive and looked at between two steps: none interrupts a step."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from xxxchat.stack.errors import StopRequested

TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Records the first signal to stop in `requested`; later ones have no effect."""

    def __init__(self) -> None:
        self.requested: signal.Signals | None = None
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        self._watched = [self._read_end]

    @contextmanager
    def installed(self, *, until_eof_of: int | None = None) -> Iterator["Signals"]:
        """Take the signals over; the end of `until_eof_of` (a pipe from whoever started us) counts as one."""
        for number in TO_STOP:
            signal.signal(number, self._note)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # wakes `pause` when a child ends
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        if until_eof_of is not None:
            self._watched.append(until_eof_of)
        yield self

    def pause(self, seconds: float) -> None:
        """Wait that long, or until any signal. Raises StopRequested if a signal to stop arrived, now or earlier."""
        readable, _, _ = select.select(self._watched, [], [], 0 if self.requested else seconds)
        for descriptor in readable:
            if not os.read(descriptor, 1024) and descriptor != self._read_end:
                self.requested = self.requested or signal.SIGHUP
        if self.requested:
            raise StopRequested

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.requested = self.requested or signal.Signals(number)
