"""The launcher's side of the supervisor: its configuration, its process, its RPC socket."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xxxchat.stack import children
from xxxchat.stack.errors import StackError
from xxxchat.stack.folder import PROJECT, Folder
from xxxchat.stack.part import GROUPS, Part, PartStatus

ANSWERS_WITHIN_S = 2.0
UP_WITHIN_S = 20.0
POLL_S = 0.05
# How much later than its time to stop a group may be gone: the supervisor's next look at it, and the kill.
NEXT_LOOK_S = 0.25
WITHOUT_END = 1_000_000
FRAME = """\
[supervisord]
nodaemon = true
silent = true
nocleanup = true
logfile = supervisor.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = supervisor.pid

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[rpcinterface:stack]
supervisor.rpcinterface_factory = xxxchat.stack.supervisor:Parts
"""
GROUP = """
[group:{name}]
programs = {programs}
priority = {priority}
"""
PROGRAM = """
[program:{name}]
command = {command}
directory = {directory}
autostart = {autostart}
autorestart = true
startsecs = {startsecs}
startretries = {startretries}
stopsignal = {stop_signal}
stopwaitsecs = {stopwaitsecs}
killasgroup = true
redirect_stderr = true
stdout_logfile = {name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
"""


class Supervisor:
    """supervisord and the parts of one stack. `start` again when it has ended; `stop` is safe at any moment."""

    def __init__(
        self, folder: Folder, parts: Iterable[Part], environment: Mapping[str, str], pause: children.Pause
    ) -> None:
        self._folder = folder
        self._parts = list(parts)
        self._environment = dict(environment)
        self._pause = pause
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it with database and broker; the other parts wait for `start_part`.

        Raises:
            StackError: it does not come up.
        """
        socket_file = self._folder.make_control()
        file = self._folder.root / "supervisor.conf"
        file.write_text(configuration(self._folder.root, self._parts, socket_file))
        command = [sys.executable, "-m", "xxxchat.stack.supervisor", str(file)]
        self._process = children.spawn(command, env=self._environment, cwd=PROJECT)
        deadline = time.monotonic() + UP_WITHIN_S
        while not self._answers():
            if how := self.how_it_ended():
                raise StackError(f"The supervisor did not start ({how}); see the lines above.")
            if time.monotonic() > deadline:
                raise StackError(f"The supervisor did not answer within {UP_WITHIN_S:.0f} s.")
            self._pause(POLL_S)

    def how_it_ended(self) -> str:
        """Return how its process ended; empty while it runs."""
        if self._process is None or self._process.poll() is None:
            return ""
        return children.how_it_ended(self._process.returncode)

    def status(self) -> list[PartStatus]:
        """Return the state of every part. Raises StackError if it does not answer."""
        return status(self._folder)

    def start_part(self, name: str) -> None:
        """Start a part for the first time, without waiting for it. Raises StackError if that cannot be asked for."""
        group = next((part.group for part in self._parts if part.name == name), GROUPS[-1])
        try:
            call(self._folder, "supervisor.startProcess", f"{group}:{name}", False)  # noqa: FBT003  its `wait`
        except xmlrpc.client.Fault as fault:
            raise StackError(f"{name} cannot be started: {fault.faultString}.") from fault

    def stop(self) -> None:
        """Stop the groups of parts, the product's first, then the supervisor; kill what is left."""
        if self._process is not None:
            children.stop(self._process, (signal.SIGTERM, stopped_within_s(self._parts)))
            children.kill_tree(self._process)

    def _answers(self) -> bool:
        try:
            self.status()
        except StackError:
            return False  # not listening yet
        return True


def status(folder: Folder) -> list[PartStatus]:
    """Return the state of every part. Raises StackError if the supervisor does not answer."""
    return [PartStatus(**fields) for fields in call(folder, "stack.status")]


def call(folder: Folder, method: str, *arguments: str | bool) -> Any:
    """Call the supervisor of a stack.

    Raises:
        StackError: it does not answer; xmlrpc.client.Fault: it refuses.
    """
    try:
        with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_Transport(folder.control)) as supervisor:
            return getattr(supervisor, method)(*arguments)
    except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        raise StackError(f"The supervisor of {folder.root} does not answer ({type(error).__name__}).") from error


def stopped_within_s(parts: Iterable[Part]) -> float:
    """Return the time in which all parts have ended, one group after the other."""
    slowest: dict[str, int] = {}
    for part in parts:
        slowest[part.group] = max(part.stops_within_s, slowest.get(part.group, 0))
    return sum(slowest.values()) + NEXT_LOOK_S * len(slowest)


def configuration(root: Path, parts: Iterable[Part], control: Path) -> str:
    """Return supervisord's file, with paths relative to `root`: some characters mean something in it.

    What the parts run in is not in it: they inherit the supervisor's environment.
    """
    sections = [FRAME.format(socket=os.path.relpath(control, root))]
    groups: dict[str, list[str]] = {name: [] for name in GROUPS}
    for part in parts:
        groups[part.group].append(part.name)
        sections.append(_program(root, part))
    for priority, (name, members) in enumerate(groups.items()):  # the last is stopped first
        if members:
            sections.append(GROUP.format(name=name, programs=",".join(members), priority=priority))
    return "".join(sections)


def _program(root: Path, part: Part) -> str:
    is_root = part.directory == Path("/")  # a part of another user may not go there step by step
    text = PROGRAM.format(
        name=part.name,
        command=" ".join(_quoted(str(argument)) for argument in part.command),
        directory=part.directory if is_root else os.path.relpath(part.directory, root),
        autostart=str(part.is_service).lower(),
        startsecs=part.starts_within_s,
        startretries=WITHOUT_END,
        stop_signal=part.stop_signal,
        stopwaitsecs=part.stops_within_s,
    )
    return text if part.uid is None else f"{text}user = {part.uid}\n"


def _quoted(argument: str) -> str:
    """Escape for supervisord's shlex; its reader takes " #" for a comment and drops blanks at the end."""
    escaped = re.sub(r"[^\w@+=:,./-]", r"\\\g<0>", argument).replace("%", "%%")
    return escaped if escaped and not escaped.endswith(" ") else f'{escaped}""'


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over a socket of the file system, with a bound on the wait that supervisord's own client lacks."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _Connection(self._path)
        self._connection = host, connection  # for `close`
        return connection


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWERS_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
