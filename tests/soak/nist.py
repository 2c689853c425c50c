"""NIST SP 800-22 over the 64-bit integers that spins are drawn from; `make soak ARGS=nist`.

Needs `sp80022suite`, which `make soak` builds, so no other run collects this file. Each sequence has 1,000,000 bits,
one byte a bit for the suite: of each spin the first integer, as the draw takes it, with a seed of its own. A test that
does not hold over the sequences is made once more over others, and then must hold (section 4.2: other samples tell an
anomaly from a defect). Seeds are fixed.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import sp80022suite as suite

from slots import draw
from slots.tests.test_draw import CLASSIC
from tests.soak.judging import Verdict, judged

SEQUENCES = int(os.environ.get("NIST_SEQUENCES", "100"))
BITS = 1_000_000
TEMPLATE_BITS = 9
Test = Callable[[bytes], float]
TESTS: dict[str, tuple[Test, int]] = {
    "frequency": (suite.frequency, 1),
    "block frequency": (partial(suite.block_frequency, 128), 1),
    "cumulative sums": (suite.cumulative_sums, 2),
    "runs": (suite.runs, 1),
    "longest run of ones": (suite.longest_run_of_ones, 1),
    "rank": (suite.rank, 1),
    "discrete Fourier transform": (suite.discrete_fourier_transform, 1),
    "non-overlapping templates": (partial(suite.non_overlapping_template_matchings, TEMPLATE_BITS), 148),
    "overlapping templates": (partial(suite.overlapping_template_matchings, TEMPLATE_BITS), 1),
    "universal": (suite.universal, 1),
    "approximate entropy": (partial(suite.approximate_entropy, 10), 1),
    "random excursions": (suite.random_excursions, 8),
    "random excursions, variant": (suite.random_excursions_variant, 18),
    "serial": (partial(suite.serial, 16), 2),
    "linear complexity": (partial(suite.linear_complexity, 500), 1),
}
"""Each with the parameters of NIST's own program, and of how many P-values the suite returns the smallest."""
LEAST_WITH_CYCLES = 30
"""About three of five sequences have enough."""
EXCURSIONS = {name for name in TESTS if name.startswith("random excursions")}


@pytest.fixture(autouse=True)
def _templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite reads templates from a file that its package leaves out."""
    file = tmp_path / "templates" / f"template{TEMPLATE_BITS}"
    file.parent.mkdir()
    file.write_text("\n".join(" ".join(template) for template in aperiodic()) + "\n")
    monkeypatch.chdir(tmp_path)


def aperiodic() -> list[str]:
    """All templates that cannot overlap themselves (section 2.7)."""
    every = (format(number, f"0{TEMPLATE_BITS}b") for number in range(2**TEMPLATE_BITS))
    return [text for text in every if all(text[by:] != text[:-by] for by in range(1, TEMPLATE_BITS))]


def sequence(number: int, label: str) -> bytes:
    """Bits of the product's integers, the highest bit of each first."""
    words = [first_integer(spin, f"{label} {number}") for spin in range(BITS // 64)]
    return np.unpackbits(np.array(words, dtype=">u8").view(np.uint8)).tobytes()


def first_integer(spin: int, label: str) -> int:
    nonce = spin.to_bytes(16, "big")
    seed = sha256(label.encode() + nonce).digest()
    return next(draw._integers(CLASSIC.digest, seed=seed, nonce=spin, client_seed="", client_nonce=nonce))


def p_values(names: set[str], sequences: Iterator[bytes]) -> Mapping[str, list[float]]:
    """What each test says of each sequence. One without 500 cycles says nothing of excursions (section 2.14)."""
    found: dict[str, list[float]] = {name: [] for name in names}
    for bits in sequences:
        for name in names:
            try:
                found[name].append(TESTS[name][0](bits))
            except ValueError:
                if name not in EXCURSIONS:
                    raise
    assert all(len(values) >= LEAST_WITH_CYCLES for values in found.values())
    return found


def verdicts(names: set[str], label: str, sequences: int) -> Mapping[str, Verdict]:
    found = p_values(names, (sequence(number, label) for number in range(sequences)))
    return {name: judged(found[name], of=TESTS[name][1]) for name in sorted(names)}


def test_the_templates_are_those_of_the_standard() -> None:
    assert len(aperiodic()) == TESTS["non-overlapping templates"][1]


def test_control_a_source_with_a_slight_bias_is_found_out() -> None:
    """One bit in twenty is set to one."""
    bits = np.frombuffer(sequence(0, "biased"), dtype=np.uint8).copy()
    bits[::20] = 1

    assert suite.frequency(bits.tobytes()) < 1e-6
    assert suite.non_overlapping_template_matchings(TEMPLATE_BITS, bits.tobytes()) * 148 < 0.01


@pytest.mark.timeout(7_200)
def test_the_integers_of_spins_pass_every_test_of_the_suite() -> None:
    found = {"first": verdicts(set(TESTS), "nist", SEQUENCES)}
    again = {name for name, verdict in found["first"].items() if not verdict.holds}
    if again:
        found["again"] = verdicts(again, "nist, once more", SEQUENCES)

    for sample, each in found.items():
        for name, verdict in each.items():
            print({"test": name, "sample": sample, "of": TESTS[name][1], **verdict.figures})
    assert [name for name in again if not found["again"][name].holds] == []
