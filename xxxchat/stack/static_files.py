"""The static files that web serves, collected once for all stacks: hashing and compressing take a while."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xxxchat.stack import reach
from xxxchat.stack.folder import LOCAL, PROJECT

KEPT = 3  # an older stack may still run


def folder() -> Path:
    """Return the folder whose name is the hash of what goes into it: our files, and the versions of the packages."""
    digest = hashlib.sha256()
    sources = [
        *sorted((PROJECT / "static").rglob("*")),
        PROJECT / "requirements.txt",
        PROJECT / "xxxchat/static_files.py",
    ]
    for source in sources:
        if source.is_file():
            digest.update(str(source.relative_to(PROJECT)).encode() + b"\0" + source.read_bytes())
    return LOCAL / f"static-{digest.hexdigest()[:16]}"


@contextmanager
def to_collect(whole: Path) -> Iterator[Path | None]:
    """Give a folder to collect into, which becomes `whole` when the block ends well; None if that is there."""
    if whole.exists():
        yield None
        return
    LOCAL.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LOCAL, ignore_cleanup_errors=True) as fresh:
        yield Path(fresh)
        try:
            Path(fresh).rename(whole)
        except OSError:
            if not whole.exists():
                raise  # else another launcher was first
    for old in sorted(LOCAL.glob("static-*"), key=lambda each: each.stat().st_mtime)[:-KEPT]:
        reach.remove(old)
