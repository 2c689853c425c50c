"""What belongs to no noun: error kinds, the API envelope, idempotency, pagination, locks, clock and ids.

Invariant: core knows no feature, no money and no role; every app may call it and it calls none.
"""
