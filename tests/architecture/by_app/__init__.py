"""The requests of `tests/architecture/requests.py`, in a module for each app."""
