"""The supervisor, with parts that are made to fail; no database is needed."""

import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.stack.processes import alive, until
from xxxchat.stack import StackError
from xxxchat.stack.control import Supervisor
from xxxchat.stack.folder import Folder
from xxxchat.stack.part import Part, PartStatus
from xxxchat.stack.terminal import Terminal

ENVIRONMENT = {"PATH": os.environ["PATH"]}
STANDS = "import threading; threading.Event().wait()"
SLOW = """
import pathlib, signal, sys, threading, time
ended, (file, seconds) = threading.Event(), sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: ended.set())
print("ready", flush=True)
ended.wait()
threading.Event().wait(float(seconds))
pathlib.Path(file).write_text(str(time.monotonic()))
"""
ENDS_SLOWLY = f"exec({SLOW!r})"
WITH_A_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STANDS!r}]); {STANDS}"


def part(name: str, program: str, *arguments: str) -> Part:
    return Part(name, [sys.executable, "-c", program, *arguments], Path.cwd())


@contextmanager
def supervised(folder: Folder, *parts: Part) -> Iterator[Supervisor]:
    supervisor = Supervisor(folder, parts, ENVIRONMENT, threading.Event().wait)
    supervisor.start()
    try:
        for each in parts:
            supervisor.start_part(each.name)
        yield supervisor
    finally:
        supervisor.stop()


def of(supervisor: Supervisor, name: str) -> PartStatus:
    return next(each for each in supervisor.status() if each.name == name)


def test_a_part_that_cannot_start_is_tried_again_later_and_later_and_named_once_a_second_at_most(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    noisy = part("noisy", "import sys; print('what went wrong\\n' * 50); sys.exit(3)")
    terminal = Terminal(folder, ["noisy", "well"])
    named: list[float] = []
    shown = ""

    with supervised(folder, noisy, part("well", f"print('hello', flush=True); {STANDS}")) as supervisor:
        while of(supervisor, "noisy").restarts < 3:
            terminal.update(supervisor.status())
            new = capsys.readouterr().out
            named += [time.monotonic()] * new.count("noisy ended")
            shown += new
            threading.Event().wait(0.05)
        failed = of(supervisor, "noisy")

        assert (failed.is_failing, failed.pid, failed.reason) == (True, 0, "exit code 3")
        assert (of(supervisor, "well").restarts, of(supervisor, "well").is_up) == (0, True)
    assert "well     | hello" in shown
    assert shown.count("what went wrong") <= 50  # of its first try alone
    assert len(named) >= 2
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(named))
    assert alive(folder.root) == {}


def test_what_a_killed_part_leaves_running_is_ended_before_it_is_started_again(folder: Folder) -> None:
    with supervised(folder, part("parent", WITH_A_CHILD, str(folder.root))) as supervisor:
        until(lambda: len(alive("Event", "SUPERVISOR_PROCESS_NAME=parent", folder.root)) == 2, within_s=10)
        first = set(alive("Event", "SUPERVISOR_PROCESS_NAME=parent", folder.root))

        os.kill(of(supervisor, "parent").pid, signal.SIGKILL)
        until(lambda: of(supervisor, "parent").restarts == 1, within_s=10)

        assert not first & set(alive("SUPERVISOR_PROCESS_NAME=parent", folder.root))


def test_parts_end_with_a_supervisor_that_is_killed(folder: Folder) -> None:
    with supervised(folder, part("alone", STANDS, str(folder.root))) as supervisor:
        until(lambda: alive("SUPERVISOR_PROCESS_NAME=alone", folder.root), within_s=10)

        os.kill(int((folder.root / "supervisor.pid").read_text()), signal.SIGKILL)
        until(lambda: not alive("SUPERVISOR_PROCESS_NAME=alone", folder.root), within_s=10)

        assert supervisor.how_it_ended() == "killed by SIGKILL"


def test_arguments_reach_a_part_as_they_are(folder: Folder) -> None:
    arguments = ["a b", "#x ; y", "%d %(here)s", "'\"\\", "", "end ", "é"]
    odd = Folder(folder.root / "a #1 %d; é")
    odd.acquire()
    program = f"import json, sys; print(json.dumps(sys.argv[1:]), flush=True); {STANDS}"

    with supervised(odd, part("echo", program, *arguments)):
        until(lambda: odd.log_of("echo").exists() and odd.log_of("echo").read_text().endswith("\n"), within_s=10)

    assert json.loads(odd.log_of("echo").read_text()) == arguments
    odd.release()


def test_a_part_has_its_time_to_end_before_what_it_asks_is_stopped(folder: Folder) -> None:
    slow_end, last_end = folder.root / "slow", folder.root / "last"
    slow = replace(part("slow", ENDS_SLOWLY, str(slow_end), "1.5"), stops_within_s=3)
    last = replace(part("last", ENDS_SLOWLY, str(last_end), "0"), serves_product=True)

    with supervised(folder, slow, last):
        until(lambda: all(_says_ready(folder, name) for name in ("slow", "last")), within_s=10)

    assert float(last_end.read_text()) > float(slow_end.read_text())


def _says_ready(folder: Folder, name: str) -> bool:
    return folder.log_of(name).exists() and "ready" in folder.log_of(name).read_text()


def test_a_program_that_does_not_exist_is_named(folder: Folder) -> None:
    with supervised(folder, Part("well", [sys.executable, "-c", STANDS], Path.cwd())) as supervisor:
        assert [each.name for each in supervisor.status()] == ["well"]
        with pytest.raises(StackError, match=r"absent cannot be started: BAD_NAME"):
            supervisor.start_part("absent")
