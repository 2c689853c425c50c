"""What all apps share: error kinds, the API envelope, idempotency, pagination, locks, clock and ids.

Invariant: core depends on no app and contains no feature, money or role.
"""
