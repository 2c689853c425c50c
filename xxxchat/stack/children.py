"""Child processes that end with the process that started them.

Each child leads a session of its own: a signal to the launcher's process group reaches the launcher alone, which
then stops its children in order. If the launcher is killed outright, the kernel signals the children (Linux).
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from xxxchat.stack.errors import StackError

ON_LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NOBODY = "nobody"
BARE_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""What database and broker run in: nothing of the terminal's environment steers them."""

Pause = Callable[[float], object]
"""Waits that many seconds; the launcher's raises `StopRequested` when a signal came in."""

_libc = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None


@dataclass(frozen=True)
class Account:
    """The system user that a child runs as."""

    uid: int
    gid: int


def unprivileged() -> Account:
    """Return the account for what refuses to run as root."""
    try:
        entry = pwd.getpwnam(NOBODY)
    except KeyError:
        raise StackError(f"PostgreSQL does not run as root and there is no user {NOBODY!r} here.") from None
    return Account(entry.pw_uid, entry.pw_gid)


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    account: Account | None = None,
    output: IO[bytes] | int | None = None,
    when_orphaned: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; it gets `when_orphaned` if this process dies first."""
    return subprocess.Popen(  # noqa: S603  the commands are ours
        [str(argument) for argument in command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=die_with_parent(when_orphaned),
    )


def die_with_parent(number: signal.Signals, *, parent: int | None = None) -> Callable[[], None]:
    """Return what a fresh child runs so that the kernel sends it `number` when its parent (this process) ends."""
    parent = parent or os.getpid()

    def bind() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(number))
            if os.getppid() != parent:
                os._exit(1)

    return bind


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that `sweep` finds it."""
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def ended(process: subprocess.Popen[bytes], *, within_s: float) -> bool:
    """Wait for a child at most that long; return whether it has ended."""
    try:
        process.wait(timeout=max(within_s, 0))
    except subprocess.TimeoutExpired:
        return False
    return True


def stop(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send the signals in order, each followed by its time to end in seconds, until the child has ended."""
    for number, within_s in steps:
        process.send_signal(number)
        if ended(process, within_s=within_s):
            return


def how_it_ended(returncode: int) -> str:
    """Return a text for a child's return code."""
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and everything below it that is still there; reap the child."""
    if process.poll() is None:
        kill_descendants(process.pid)
        process.kill()
    process.wait()


def kill_group(leader: int) -> None:
    """Send SIGKILL to what is left of a process group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing is


def kill_descendants(root: int) -> None:
    """Send SIGKILL to every descendant of the process `root`, youngest generation last."""
    for pid in descendants(root):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # ended in the meantime


def sweep() -> None:
    """Kill and reap whatever still descends from this process (which adopted all orphans)."""
    while survivors := descendants(os.getpid()):
        kill_descendants(os.getpid())
        for pid in survivors:
            _reap(pid)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return  # a grandchild: it is reaped once its parent has ended and it is our child


def descendants(root: int) -> list[int]:
    """Return the pids below `root`, parents first. Empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        parent = _parent_of(entry)
        if parent is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = list(children.get(root, []))
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, []))
    return found


def _parent_of(entry: Path) -> int | None:
    try:
        status = (entry / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None  # ended while we looked
    return int(status.rpartition(")")[2].split()[1])
