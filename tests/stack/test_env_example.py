"""`.env.example` lists every variable that the product reads, and no other; `make` reads no `.env`."""

import os
import re
import subprocess

from xxxchat.stack.folder import PROJECT
from xxxchat.stack.launcher import FIXED

READERS = {
    "xxxchat/settings.py": r"env\.\w+\(\s*\"([A-Z][A-Z0-9_]+)\"",
    "xxxchat/stack/lineup.py": r"environment(?:\.get\(|, )\"([A-Z][A-Z0-9_]+)\"",
    "xxxchat/stack/rewards.py": r"given, \"([A-Z][A-Z0-9_]+)\"",
    "Makefile": r"\.ci/program ([A-Z_]+)",
    "compose.yaml": r"\$\{([A-Z_]+):\?",
}


def test_every_variable_is_listed_once_with_its_unit() -> None:
    read = {name for file, pattern in READERS.items() for name in re.findall(pattern, (PROJECT / file).read_text())}
    lines = (PROJECT / ".env.example").read_text().splitlines()
    listed = [line.partition("=")[0] for line in lines if re.match(r"[A-Z]", line)]

    assert sorted(listed) == sorted(read)
    above = [lines[lines.index(line) - 1] for line in lines if re.match(r"[A-Z]", line)]
    assert all(line for line in above), "a variable without a word about it"


def test_what_make_and_the_launcher_start_reads_no_env_file() -> None:
    show = ["make", "--eval", "show: ; @echo $$ENV_FILE", "show"]
    made = subprocess.run(show, cwd=PROJECT, check=True, capture_output=True, text=True)

    assert made.stdout.split() == [FIXED["ENV_FILE"]] == [os.devnull]
