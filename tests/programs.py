"""Programs that tests run and that no Python package brings."""

import os
import shutil


def program(variable: str, *names: str) -> str:
    """Return the program that `variable` names, else the first of `names` in PATH or where Debian keeps servers.

    Raises:
        AssertionError: there is none; the message says what to install.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    wanted = [os.environ[variable]] if os.environ.get(variable) else names
    found = [program for name in wanted if (program := shutil.which(name, path=path))]
    assert found, f"This test needs {names[0]}: install it, name its program in {variable}, or run `make test` as root."
    return found[0]
