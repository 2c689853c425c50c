"""What must be true after every load: by the product's own commands, and by a draw that knows only the description."""

import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from bench.redraw import EVERY, wrong_draws
from xxxchat.stack import Stack

COMMANDS = ("verify_ledger", "verify_spins")


def verified(stack: Stack, *, first_id: UUID = EVERY) -> bool:
    """Prove ledger and spins, all at once; print what is found. Spins from `first_id` on are drawn again."""
    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        commands = pool.map(lambda command: stack.manage(command, "--json", check=False), COMMANDS)
        wrong = wrong_draws(stack.database_url, first_id=first_id)
        found = [f"{each.stdout} {each.stderr}" for each in commands if each.returncode]
    if wrong:
        found.append(f"{wrong} spins are drawn differently by their description.")
    for each in found:
        print(each, file=sys.stderr, flush=True)
    return not found
