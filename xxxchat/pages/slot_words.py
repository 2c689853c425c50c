"""Words for what the reels show: a spin's result, a kind of win.

A kind is named as `Odds` names it, by the paytable that the spin was played with: the same symbols may be a pair under
one table and a mix, or nothing, under another.
"""

from typing import Any

from slots.services import alike_text


def result_text(spin: Any, kind: str) -> str:
    """What a spin drew and pays: "Three oranges pay 1,500 points", "Lemon, star, plum. No win.".

    `kind`: that of the award; empty if nothing was paid.
    """
    symbols = ", ".join(spin.symbols).capitalize()
    if not spin.payout:
        return f"{symbols}. No win."
    return f"{alike_text(kind).capitalize() or symbols} pay {spin.payout:,} points"


def short_text(spin: Any, kind: str) -> str:
    """What a spin came to, beside its symbols and its pay: "Three oranges", "A paying mix", "No win"."""
    return kind_text(kind).capitalize() if spin.payout else "No win"


def kind_text(kind: str) -> str:
    """A kind of win as `Odds` names it: three_plum → three plums, pair_cherry → two cherries, mixed → a paying mix."""
    return alike_text(kind) or "a paying mix"
