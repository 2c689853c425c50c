"""Reference data, without which the product cannot run: paytables, spin partitions, message templates, terms.

Idempotent. Start-up and every emptied test database call it.
"""

import compliance.services
import live.services
import slots.services


def seed_reference() -> None:
    live.services.seed_reference()
    compliance.services.seed_reference()
    slots.services.seed_reference()
