"""The settings of pytest: the product's in APP_MODE=test.

Of `.env`, which `make test` does not read, it takes the addresses of database and broker and nothing else. Processes
that tests start inherit these.
"""

import os

import pytest

from xxxchat.environment import WrongSettings, env_file, read_file

addresses = {name: value for name, value in read_file(env_file()).items() if name in {"DATABASE_URL", "REDIS_URL"}}
given = {name: value for name, value in os.environ.items() if value}
os.environ |= addresses | given | {"APP_MODE": "test", "ENV_FILE": os.devnull}

try:
    from xxxchat.settings import *  # noqa: F403
except WrongSettings as error:
    raise pytest.UsageError(f"{error}\n`make test` brings a database and a broker of its own.") from None
