"""May this person do this now: role, age and terms; later place, limits, exclusions and reality checks.

Invariant: a gate reads what is already loaded and writes nothing; what it refused is recorded afterwards, in a
transaction of its own, and a record once written is never changed. Called by slots and menus.
"""
