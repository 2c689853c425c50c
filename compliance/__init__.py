"""The gates of compliance: role, age and terms; later place, limits, exclusions and reality checks.

Invariant: a gate reads what is already loaded and writes nothing; its refusal is recorded afterwards, in a transaction
of its own, in a row that is never changed. Called by slots, menus and perfqueue.
"""
