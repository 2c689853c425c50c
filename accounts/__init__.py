"""Who: people, their roles, performers' profiles.

Invariant: a person has one role and one public id; no endpoint uses `is_staff`. Called by every app above.
"""
