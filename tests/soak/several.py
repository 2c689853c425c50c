"""The tests of SP 800-22 that have several P-values a sequence, all of them; the suite returns the smallest only.

Counted by NumPy over one byte a bit. `nist` compares the smallest with the suite's, for every sequence.
"""

import math
from typing import Any

import numpy as np

from tests.chances import chi_square, tail

TEMPLATE_BITS, BLOCKS = 9, 8
SERIAL_BITS = 16
STATES, FAR_STATES = 4, 9
"""Random excursions look at -4 to 4 without 0, their variant at -9 to 9."""
MOST_VISITS = 5


def aperiodic() -> list[str]:
    """All templates that cannot overlap themselves (section 2.7)."""
    every = (format(number, f"0{TEMPLATE_BITS}b") for number in range(2**TEMPLATE_BITS))
    return [text for text in every if all(text[by:] != text[:-by] for by in range(1, TEMPLATE_BITS))]


def templates(bits: bytes) -> list[float]:
    """Section 2.7: how often each template comes in each of eight blocks. None overlaps itself."""
    source, chosen = _array(bits), [int(text, 2) for text in aperiodic()]
    size = len(source) // BLOCKS
    blocks = [_windows(source[place * size : (place + 1) * size], TEMPLATE_BITS) for place in range(BLOCKS)]
    counts = np.array([np.bincount(block, minlength=2**TEMPLATE_BITS)[chosen] for block in blocks])
    mean = (size - TEMPLATE_BITS + 1) / 2**TEMPLATE_BITS
    variance = size * (1 / 2**TEMPLATE_BITS - (2 * TEMPLATE_BITS - 1) / 4**TEMPLATE_BITS)
    return [tail(float(each), BLOCKS) for each in ((counts - mean) ** 2 / variance).sum(axis=0)]


def serial(bits: bytes) -> list[float]:
    """Section 2.11: how evenly patterns of 16 bits come, against those of 15 and of 14."""
    source = _array(bits)
    psi = [_psi(source, SERIAL_BITS - less) for less in range(3)]
    first, second = psi[0] - psi[1], psi[0] - 2 * psi[1] + psi[2]
    return [tail(first, 2 ** (SERIAL_BITS - 1)), tail(second, 2 ** (SERIAL_BITS - 2))]


def cumulative_sums(bits: bytes) -> list[float]:
    """Section 2.13: how far a walk goes, forwards and backwards."""
    walk = np.concatenate(([0], _walk(bits)))
    farthest = (np.abs(walk).max(), np.abs(walk - walk[-1]).max())
    return [_never_farther(int(z) / math.sqrt(len(bits))) for z in farthest]


def random_excursions(bits: bytes) -> list[float]:
    """Section 2.14: in how many cycles of the walk a state comes not at all, once, up to five times or more."""
    walk = _walk(bits)
    cycle, cycles = np.cumsum(walk == 0), _cycles(walk)
    found = []
    for state in (x for x in range(-STATES, STATES + 1) if x):
        visits = np.bincount(cycle[walk == state], minlength=cycles).clip(max=MOST_VISITS)
        counts = np.bincount(visits[:cycles], minlength=MOST_VISITS + 1)
        found.append(tail(chi_square(counts.tolist(), [cycles * chance for chance in _visits(state)]), MOST_VISITS))
    return found


def random_excursions_variant(bits: bytes) -> list[float]:
    """Section 2.15: how often a state comes in all."""
    walk = _walk(bits)
    cycles, states = _cycles(walk), [x for x in range(-FAR_STATES, FAR_STATES + 1) if x]
    counts = [int((walk == state).sum()) for state in states]
    return [
        math.erfc(abs(count - cycles) / math.sqrt(2 * cycles * (4 * abs(state) - 2)))
        for state, count in zip(states, counts, strict=True)
    ]


def _array(bits: bytes) -> Any:
    return np.frombuffer(bits, dtype=np.uint8).astype(np.int64)


def _walk(bits: bytes) -> Any:
    return np.cumsum(2 * _array(bits) - 1)


def _windows(source: Any, size: int) -> Any:
    """The number that each run of so many bits is."""
    last = len(source) - size + 1
    return sum(source[place : last + place] << (size - 1 - place) for place in range(size))


def _psi(source: Any, size: int) -> float:
    """The statistic of patterns of so many bits in a sequence that goes round."""
    counts = np.bincount(_windows(np.concatenate((source, source[: size - 1])), size))
    return float((counts**2).sum()) * (1 << size) / len(source) - len(source)


def _never_farther(far: float) -> float:
    """One less the chance that a Brownian motion keeps within this distance up to time 1."""
    return 1 - math.fsum(
        _normal((4 * k + 1) * far)
        - _normal((4 * k - 1) * far)
        - _normal((4 * k + 3) * far)
        + _normal((4 * k + 1) * far)
        for k in range(-60, 61)
    )


def _normal(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def _cycles(walk: Any) -> int:
    return int((walk == 0).sum()) + (1 if walk[-1] else 0)


def _visits(state: int) -> list[float]:
    """The chances that a cycle comes to a state 0, 1 … 4 times, and more often."""
    stay = 1 - 1 / (2 * abs(state))
    few = [float(stay ** (k - 1) / (4 * state**2)) for k in range(1, 5)]
    return [stay, *few, stay**4 / (2 * abs(state))]
