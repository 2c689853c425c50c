"""Folders for the launcher's tests: inside the project, because the database's account must reach them."""

import secrets
from collections.abc import Iterator

import pytest

from xxxchat.stack.folder import LOCAL, Folder


@pytest.fixture
def folder() -> Iterator[Folder]:
    """A folder for one stack; deleted at the end."""
    made = Folder(LOCAL / f"test-{secrets.token_hex(4)}")
    made.root.mkdir(parents=True)
    yield made
    made.delete()
