"""`make mutants`: break the product in every way of the catalogue. A test must fail for each of them.

`make mutants ARGS=--new` does so only in the ways that the last result does not name, and keeps what it says of the
others: `kept` counts them by the commit on which they were hunted.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

from tests import proofs


def main(*, only_new: bool) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
    django.setup()
    from tests.mutants.catalogue import MUTANTS
    from tests.mutants.hunting import Hunt, database, hunt, spare
    from tests.mutants.kinds import Mutant

    url = os.environ["DATABASE_URL"]
    last = proofs.read("mutants") if only_new else {"by": {}}
    chosen = [mutant for mutant in MUTANTS if mutant.name not in last["by"]]
    killers = tuple(sorted({path for mutant in chosen for path in mutant.killers}))
    print(f"Without a mutant: {' '.join(killers)}", flush=True)
    spare(killers, database(url, 0))

    def one(numbered: tuple[int, Mutant]) -> Hunt:
        number, mutant = numbered
        found = hunt(mutant, database(url, number))
        print(f"{number:3}/{len(chosen)} {mutant.name}: {found.killed_by or 'SURVIVED'}", flush=True)
        return found

    with ThreadPoolExecutor(max_workers=2) as hunters:
        found = list(hunters.map(one, enumerate(chosen, start=1)))
    survivors = [each.mutant for each in found if not each.killed_by]
    by = last["by"] | {each.mutant: each.killed_by for each in found}
    facts = {"mutants": len(by), "killed": sum(map(bool, by.values())), "kept": _kept(last), "by": by}
    print(f"{len(found) - len(survivors)} of {len(found)} killed. Written to {proofs.write('mutants', facts)}.")
    return 1 if survivors else 0


def _kept(last: dict[str, Any]) -> dict[str, int]:
    """Return how many results are of which commit before this one."""
    if not last["by"]:
        return {}
    kept: dict[str, int] = last["kept"]
    return kept | {last["commit"]: len(last["by"]) - sum(kept.values())}


if __name__ == "__main__":
    sys.exit(main(only_new="--new" in sys.argv[1:]))
