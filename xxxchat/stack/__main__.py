"""`python -m xxxchat.stack`: what the Makefile's demo, status, demo-reset, manage and test call."""

import argparse
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from xxxchat.stack import children, control, lineup, managing, rewards
from xxxchat.stack.errors import StackError, StopRequested
from xxxchat.stack.folder import LOCAL, PROJECT, Folder, terminal_environment
from xxxchat.stack.launcher import Launcher
from xxxchat.stack.services import Services
from xxxchat.stack.signals import Signals
from xxxchat.stack.terminal import show


def demo(folder: Folder, options: argparse.Namespace) -> int:
    """Run the product until Ctrl-C."""
    signals = Signals()
    stdin = sys.stdin.fileno() if options.until_eof else None
    with signals.installed(until_eof_of=stdin):
        return Launcher(folder, terminal_environment(), signals).run()


def reset(folder: Folder, options: argparse.Namespace) -> int:
    """Delete the demo's data."""
    if folder.root.exists():
        folder.delete()
    show(f"Deleted {folder.root}: the next `make demo` starts over.")
    return 0


def status(folder: Folder, options: argparse.Namespace) -> int:
    """Show the parts of the running demo."""
    running, note = running_demo(folder, options)
    elsewhere = rewards.shown(note["environment"])
    show(f"{note['url']}{elsewhere and f' · {elsewhere}'}\n")
    row = "{:<10} {:<9} {:>7} {:>9} {:>8}  {}".format
    show(row("part", "state", "pid", "uptime", "restarts", "last end"))
    for part in control.status(running):
        uptime = str(timedelta(seconds=part.uptime_s))
        show(row(part.name, part.state, part.pid or "-", uptime, part.restarts, part.reason).rstrip())
    return 0


def manage(folder: Folder, options: argparse.Namespace) -> int:
    """Become a management command in the environment of the running demo."""
    _, note = running_demo(folder, options)
    command = options.arguments or shlex.split(os.environ.get("CMD", ""))
    if not command:
        raise StackError('Say which command: make manage CMD="verify_ledger --json"')
    environment = terminal_environment() | managing.environment_of(note, command)
    os.chdir(PROJECT)
    os.execve(sys.executable, [sys.executable, "manage.py", *command], environment)  # noqa: S606  replaces this process


def running_demo(folder: Folder, options: argparse.Namespace) -> tuple[Folder, dict[str, Any]]:
    """Return folder and note of the demo that is meant: of this PORT or --folder, else of the only one that runs."""
    is_named = bool(options.folder or os.environ.get("PORT"))
    for running in (folder, None if is_named else Folder.the_only_running()):
        if running and (note := running.running()):
            return running, note
    raise StackError(f"No demo runs from {folder.root}. Start it with `make demo` (same PORT) and try again.")


def services(folder: Folder, options: argparse.Namespace) -> int:
    """Run a command beside a throwaway database and broker, which the environment may replace."""
    children.adopt_orphans()
    signals = Signals()
    folder = Folder(LOCAL / f"run-{secrets.token_hex(4)}")
    folder.acquire()
    given = terminal_environment()
    own = Services(durable=False, pause=signals.pause)
    command: subprocess.Popen[bytes] | None = None
    with signals.installed():
        try:
            own.start(folder, given)
            command = children.spawn(options.arguments, env=given | own.variables, cwd=Path.cwd())
            while command.poll() is None:
                signals.pause(1.0)
            return command.returncode if command.returncode >= 0 else 128 - command.returncode
        except StopRequested:
            return 130
        finally:
            if command is not None:
                command.send_signal(signal.SIGINT)  # pytest then stops what its fixtures started
                children.ended(command, within_s=5.0)
            own.stop()
            children.sweep()
            folder.release()
            folder.delete()


COMMANDS = {"demo": demo, "status": status, "reset": reset, "manage": manage, "services": services}


def main(arguments: Sequence[str]) -> int:
    """Parse the command line and run one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m xxxchat.stack")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--folder", type=Path, help="keep everything here instead of in .local/<PORT>")
    parser.add_argument("--until-eof", action="store_true", help="stop too when standard input is closed")
    parser.add_argument("arguments", nargs="*", help="what to run, for manage and services (after --)")
    options = parser.parse_args(arguments)
    try:
        port = lineup.number(os.environ, "PORT", lineup.DEFAULT_PORT, most=65_535)
        folder = Folder(options.folder) if options.folder else Folder.of_port(port)
        return COMMANDS[options.command](folder, options)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
