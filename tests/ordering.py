"""The order of a run on several workers: long files first, so that at the end no worker waits for another's long file.

A worker is given the next file when few tests of its last one are left; pytest-xdist's own order puts the files with
the fewest tests last, which are those that start servers and take longest.
"""

from collections import Counter
from collections.abc import Sequence

import pytest

LONG = (
    "tests/hostile/test_bytes.py",
    "tests/stack/test_launcher.py",
    "tests/faults/test_parts.py",
    "tests/faults/test_loyalty.py",
    "perfqueue/tests/invariants/test_stories.py",
    "tests/pooled/test_races.py",
    "tests/faults/test_database.py",
    "tests/mutants/test_three.py",
    "tests/faults/test_broker.py",
    "tests/browser/test_every_page.py",  # from here on clients of one site: they follow each other
    "tests/browser/test_live_messages.py",
    "tests/browser/test_purchase_and_spin.py",
    "tests/browser/test_refreshing.py",
    "tests/browser/test_back_office.py",
    "tests/browser/test_proofs.py",
    "tests/edge/test_weight.py",
    "tests/edge/test_slow_clients.py",  # last of them, when the stream that it looks at has been open for long
    "tests/stack/test_statement_modes.py",
    "tests/stack/test_rewards.py",
    "tests/faults/test_worker.py",
    "tests/faults/test_sweep.py",
    "escrow/tests/adjustments/test_pairs.py",
    "tests/faults/test_commands.py",
    "tests/contracts/test_generated.py",
    "perfqueue/tests/admin/test_lists.py",
    "tests/stack/test_servers.py",
    "tests/concurrency/test_hammer.py",
    "escrow/tests/ledger/test_oracle.py",
    "slots/tests/test_chi_square.py",
    "tests/hostile/test_somebody_elses.py",
    "tests/stack/test_proxy.py",
    "tests/stack/test_supervisor.py",
    "tests/stack/test_runserver.py",
)
"""What takes more than ten seconds, about the longest first."""


def file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def longest_first(files: Sequence[str]) -> list[int]:
    """Return the places of the tests of these files in the order in which they are to run, whole files together."""
    tests = Counter(files)
    rank = {name: (len(LONG), -count) for name, count in tests.items()}
    rank |= {name: (place, 0) for place, name in enumerate(LONG)}
    return sorted(range(len(files)), key=lambda place: (rank[files[place]], files[place]))
