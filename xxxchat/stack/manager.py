"""The process manager of a running stack: honcho, in a process of its own.

It starts every command, shows their output with the name in front, and stops all of them when one ends. Over
`report-fd` it reports to the launcher, as JSON lines, which processes it started and which one ended by itself.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any

from honcho.manager import Manager
from honcho.printer import Printer
from honcho.process import Popen, Process

from xxxchat.stack import children


class Terminal:
    """Standard output without a buffer: writing from a signal handler cannot trip over a half-written line."""

    def write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(1, data) :]

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def isatty(self) -> bool:
        return os.isatty(1)


class ProcessSignals:
    """SIGTERM goes to the command only, which ends its own children; SIGKILL to its whole group."""

    def terminate(self, pid: int) -> None:
        self._send(os.kill, pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        self._send(os.killpg, pid, signal.SIGKILL)

    def _send(self, send: Any, pid: int, number: signal.Signals) -> None:
        try:
            send(pid, number)
        except ProcessLookupError:
            return  # it ended by itself in the meantime


class BoundProcess(Process):  # type: ignore[misc]
    """A command whose processes are killed when this manager dies and when the command itself does."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        children.die_with_parent(signal.SIGKILL, parent=os.getppid())()
        self._child_ctor = self._start
        super().run(events, ignore_signals)

    def _start(self, command: str, **options: Any) -> Popen:
        child = Popen(command, preexec_fn=children.die_with_parent(signal.SIGTERM), **options)
        threading.Thread(target=_close_group, args=[child], daemon=True).start()
        return child


def _close_group(child: Popen) -> None:
    """Kill what a dead command left running: honcho waits for the end of their common output."""
    child.wait()
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it left nothing


class ReportingManager(Manager):  # type: ignore[misc]
    """honcho's manager, which ends in its loop instead of inside a signal handler, and reports to the launcher."""

    def __init__(self, report: IO[str]) -> None:
        super().__init__(Printer(Terminal()))
        self._procmgr = ProcessSignals()
        self._process_ctor = BoundProcess
        self._report = report
        self._stop_requested = False
        self._started: dict[str, int] = {}
        self._ended: str | None = None

    def terminate(self) -> None:
        """Record the signal to stop; the loop acts on it once every process has a pid."""
        self._stop_requested = True

    def _any_stopped(self) -> bool:
        """Called by each round of the loop once all processes are started: report, and end if one of them ended."""
        if not self._started:
            self._started = {name: process["pid"] for name, process in self._processes.items()}
            self._send(started=self._started)
        gone = [name for name, process in self._processes.items() if "returncode" in process]
        if gone and not self._stop_requested and not self._ended:
            self._ended = gone[0]
            self._send(ended=f"{gone[0]} ended: {children.how_it_ended(self._processes[gone[0]]['returncode'])}")
        if not gone and not self._stop_requested:
            return False
        super().terminate()
        return True

    def _send(self, **message: Any) -> None:
        print(json.dumps(message), file=self._report, flush=True)


def main(commands_file: str, report_fd: str) -> int:
    """Run the commands of a JSON file until one ends or a signal comes."""
    commands: dict[str, str] = json.loads(Path(commands_file).read_text())
    with open(int(report_fd), "w") as report:
        manager = ReportingManager(report)
        for name, command in commands.items():
            manager.add_process(name, command)
        manager.loop()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
