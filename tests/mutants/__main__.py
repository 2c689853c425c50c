"""`make mutants`: break the product in every way of the catalogue. A test must fail for each of them."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import django

from tests import proofs


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
    django.setup()
    from tests.mutants.catalogue import MUTANTS
    from tests.mutants.hunting import Hunt, database, hunt, spare
    from tests.mutants.kinds import Mutant

    url = os.environ["DATABASE_URL"]
    killers = tuple(sorted({path for mutant in MUTANTS for path in mutant.killers}))
    print(f"Without a mutant: {' '.join(killers)}", flush=True)
    spare(killers, database(url, 0))

    def one(numbered: tuple[int, Mutant]) -> Hunt:
        number, mutant = numbered
        found = hunt(mutant, database(url, number))
        print(f"{number:3}/{len(MUTANTS)} {mutant.name}: {found.killed_by or 'SURVIVED'}", flush=True)
        return found

    with ThreadPoolExecutor(max_workers=2) as hunters:
        found = list(hunters.map(one, enumerate(MUTANTS, start=1)))
    survivors = [each.mutant for each in found if not each.killed_by]
    killed = len(found) - len(survivors)
    facts = {"mutants": len(found), "killed": killed, "by": {each.mutant: each.killed_by for each in found}}
    print(f"{killed} of {len(found)} killed. Written to {proofs.write('mutants', facts)}.")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
