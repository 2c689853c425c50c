"""What a server process has loaded stays; the collector of garbage need not look through it again.

A full collection goes through every object of a loaded Django, which takes a tenth of a second, and the process does
nothing else. While spins came in batches there was one every second, and everybody waited for it (ADR 0100).
"""

import gc
from importlib import import_module


def keep_loaded(*modules: str) -> None:
    """Import modules that requests would import, and exempt all that exists now from collections. Ends a start."""
    for name in modules:
        import_module(name)
    gc.collect()
    gc.freeze()
