"""Erasing people: what every app does about it, a person a transaction."""

from uuid import UUID

import accounts.services
import compliance.services
import escrow.services
import loyalty.services
import menus.services
import slots.services
from core.db import command

MOST_AT_ONCE = 1_000


def erase_due() -> int:
    """Take the next step of each erasure that waits for nothing open; return how many accounts were emptied.

    Idempotent; of two rounds at once the second finds each step done.
    """
    return sum(_stepped(user_id) for user_id in accounts.services.erasures_waiting(at_most=MOST_AT_ONCE))


def _stepped(user_id: UUID) -> bool:
    """Take one person's step. Locks their wallets, under which holds are opened and closed, then the account."""

    def work() -> bool:
        escrow.services.lock_wallets_of(user_id, list(escrow.services.Currency))
        if escrow.services.open_holds_of(user_id) or loyalty.services.open_operations_of(user_id):
            return False
        user = accounts.services.close_for_erasure(user_id)
        if user is None:
            return False
        compliance.services.erase_person(user)  # its address is hashed before it goes
        loyalty.services.erase_person(user_id)
        menus.services.erase_notes(user_id)
        slots.services.erase_person(user_id)
        accounts.services.empty_account(user)
        return True

    return command(work)
