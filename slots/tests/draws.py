"""Many draws by the product's own function, as spins make them: a seed of its own for each, nonces that count up."""

from collections.abc import Iterator
from hashlib import sha256

from slots.draw import Draw, Table, draw


def draws(table: Table, spins: int, *, label: str) -> Iterator[Draw]:
    """Draw so many spins; the same label gives the same seeds."""
    start = sha256(label.encode())
    for nonce in range(spins):
        number = nonce.to_bytes(16, "big")
        seed = start.copy()
        seed.update(number)
        yield draw(table, seed=seed.digest(), nonce=nonce, client_seed=label, client_nonce=number)
