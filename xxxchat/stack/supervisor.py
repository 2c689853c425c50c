"""The supervisor's own process: `supervisord`, with what the kernel must know about its children.

Run by the launcher as `python -m xxxchat.stack.supervisor <configuration>`. Beside what supervisord does by itself:

- a part gets a signal from the kernel when supervisord dies, however it dies;
- what a part leaves running when it ends is killed before the part is started again;
- events are looked at ten times a second instead of once, so that a part is back, and all have stopped, sooner;
- the RPC namespace `stack` counts how often each part ended by itself, and says how.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supervisor import events, poller, supervisord
from supervisor.options import ServerOptions
from supervisor.states import getProcessStateDescription

from xxxchat.stack import children, leftovers
from xxxchat.stack.part import POSTGRES, SERVICES

LOOK_EVERY_S = 0.1


class Poller(poller.Poller):  # type: ignore[misc]
    """supervisord's own, with a shorter wait: a signal does not end the wait."""

    def poll(self, timeout: float) -> Any:
        return super().poll(min(timeout, LOOK_EVERY_S))


class Options(ServerOptions):  # type: ignore[misc]
    """supervisord's calls of the operating system. `endings`: how a part ended, until it is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.poller = Poller(self)
        self.endings: dict[str, str] = {}
        self._supervisor = os.getpid()

    def execve(self, filename: str, argv: list[str], env: Mapping[str, str]) -> None:
        """Become the part, in its new process: it ends with the supervisor. An error here is a failed start."""
        name = env["SUPERVISOR_PROCESS_NAME"]
        if name == POSTGRES:
            leftovers.clear(Path(argv[argv.index("-D") + 1]))
        orphaned = signal.SIGINT if name == POSTGRES else signal.SIGTERM
        children.die_with_parent(orphaned, parent=self._supervisor)()
        os.execve(filename, argv, children.BARE_ENV if name in SERVICES else env)  # noqa: S606  the commands are ours

    def waitpid(self) -> tuple[int | None, int | None]:
        """Reap one child, and kill what is left of its process group."""
        pid, status = super().waitpid()
        if pid:
            if process := self.pidhistory.get(pid):
                self.endings[process.config.name] = children.how_it_ended(os.waitstatus_to_exitcode(status))
            children.kill_group(pid)
        return pid, status


class Parts:
    """The RPC namespace `stack`."""

    def __init__(self, supervisor: Any) -> None:
        self._supervisor = supervisor
        self._restarts: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        for event in (events.ProcessStateExitedEvent, events.ProcessStateBackoffEvent):
            events.subscribe(event, self._note)

    def status(self) -> list[dict[str, str | int]]:
        """Return the fields of a `PartStatus` for each part."""
        groups = self._supervisor.process_groups.values()
        return [self._of(process) for group in groups for process in group.processes.values()]

    def _of(self, process: Any) -> dict[str, str | int]:
        name = process.config.name
        return {
            "name": name,
            "state": getProcessStateDescription(process.state),
            "pid": process.pid,
            "uptime_s": int(time.time() - process.laststart) if process.pid else 0,
            "restarts": self._restarts[name],
            "reason": self._reasons.get(name, ""),
        }

    def _note(self, event: Any) -> None:
        name = event.process.config.name
        self._restarts[name] += 1
        self._reasons[name] = self._supervisor.options.endings.pop(name, "") or event.process.spawnerr or ""


def main(configuration: Path) -> None:
    """Run supervisord in the foreground until SIGTERM; relative paths start at the folder of its configuration."""
    children.adopt_orphans()  # what a part leaves behind is reaped here
    os.chdir(configuration.parent)
    options = Options()
    options.realize(["-c", configuration.name], doc=__doc__)
    options.first, options.test = True, False
    supervisord.go(options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
