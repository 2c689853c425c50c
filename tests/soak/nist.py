"""NIST SP 800-22 over the 64-bit integers that spins are drawn from; `make soak ARGS=nist`.

Needs `sp80022suite`, which `make soak` builds, so no other run collects this file. Each sequence has 1,000,000 bits,
one byte a bit for the suite: of each spin the first integer, as the draw takes it, with a seed of its own. A test that
does not hold over the sequences is made once more over others, and then must hold (section 4.2: other samples tell an
anomaly from a defect). Seeds are fixed.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import sp80022suite as suite

from slots import draw
from slots.tests.test_draw import CLASSIC
from tests.soak import several
from tests.soak.judging import Verdict, judged

SEQUENCES = int(os.environ.get("NIST_SEQUENCES", "100"))
BITS = 1_000_000
Suite = Callable[[bytes], float]
Several = Callable[[bytes], list[float]]
TESTS: dict[str, tuple[Suite, Several | None]] = {
    "frequency": (suite.frequency, None),
    "block frequency": (partial(suite.block_frequency, 128), None),
    "cumulative sums": (suite.cumulative_sums, several.cumulative_sums),
    "runs": (suite.runs, None),
    "longest run of ones": (suite.longest_run_of_ones, None),
    "rank": (suite.rank, None),
    "discrete Fourier transform": (suite.discrete_fourier_transform, None),
    "non-overlapping templates": (
        partial(suite.non_overlapping_template_matchings, several.TEMPLATE_BITS), several.templates,
    ),
    "overlapping templates": (partial(suite.overlapping_template_matchings, 9), None),
    "universal": (suite.universal, None),
    "approximate entropy": (partial(suite.approximate_entropy, 10), None),
    "random excursions": (suite.random_excursions, several.random_excursions),
    "random excursions, variant": (suite.random_excursions_variant, several.random_excursions_variant),
    "serial": (partial(suite.serial, several.SERIAL_BITS), several.serial),
    "linear complexity": (partial(suite.linear_complexity, 500), None),
}  # fmt: skip
"""Each with the parameters of NIST's own program; where the suite returns the smallest of several, with all."""
EXCURSIONS = {name for name in TESTS if name.startswith("random excursions")}


@pytest.fixture(autouse=True)
def _templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite reads templates from a file that its package leaves out."""
    file = tmp_path / "templates" / f"template{several.TEMPLATE_BITS}"
    file.parent.mkdir()
    file.write_text("\n".join(" ".join(template) for template in several.aperiodic()) + "\n")
    monkeypatch.chdir(tmp_path)


def sequence(number: int, label: str) -> bytes:
    """Bits of the product's integers, the highest bit of each first."""
    words = [first_integer(spin, f"{label} {number}") for spin in range(BITS // 64)]
    return np.unpackbits(np.array(words, dtype=">u8").view(np.uint8)).tobytes()


def first_integer(spin: int, label: str) -> int:
    nonce = spin.to_bytes(16, "big")
    seed = sha256(label.encode() + nonce).digest()
    return next(draw._integers(CLASSIC.digest, seed=seed, nonce=spin, client_seed="", client_nonce=nonce))


def p_values(name: str, bits: bytes) -> list[float] | None:
    """What a test says of a sequence; None of excursions without 500 cycles (section 2.14).

    Raises:
        AssertionError: the smallest of several is not the suite's.
    """
    smallest_of, all_of = TESTS[name]
    try:
        smallest = smallest_of(bits)
    except ValueError:
        if name not in EXCURSIONS:
            raise
        return None
    if all_of is None:
        return [smallest]
    found = all_of(bits)
    assert min(found) == pytest.approx(smallest, rel=1e-6, abs=1e-9), name
    return found


def verdicts(names: set[str], label: str, sequences: int) -> Mapping[str, Verdict]:
    found: dict[str, list[list[float]]] = {name: [] for name in sorted(names)}
    for number in range(sequences):
        bits = sequence(number, label)
        for name, so_far in found.items():
            values = p_values(name, bits)
            so_far.extend([] if values is None else [values])
    return {name: judged(values) for name, values in found.items()}


def test_the_templates_are_those_of_the_standard() -> None:
    assert len(several.aperiodic()) == 148


def test_control_a_source_with_a_slight_bias_is_found_out() -> None:
    """One bit in twenty is set to one."""
    bits = np.frombuffer(sequence(0, "biased"), dtype=np.uint8).copy()
    bits[::20] = 1

    assert suite.frequency(bits.tobytes()) < 1e-6
    assert 148 * min(several.templates(bits.tobytes())) < 0.01


@pytest.mark.timeout(7_200)
def test_the_integers_of_spins_pass_every_test_of_the_suite() -> None:
    found = {"first": verdicts(set(TESTS), "nist", SEQUENCES)}
    again = {name for name, verdict in found["first"].items() if not verdict.holds}
    if again:
        found["again"] = verdicts(again, "nist, once more", SEQUENCES)

    for sample, each in found.items():
        for name, verdict in each.items():
            print({"test": name, "sample": sample, **verdict.figures})
    assert [name for name in again if not found["again"][name].holds] == []
