"""Words for what the reels show: a spin's result, a kind of win."""

from typing import Any

_PLURAL = {"cherry": "cherries"}


def plural(name: str) -> str:
    """A symbol's name for two or three of it."""
    return _PLURAL.get(name, f"{name}s")


def result_text(spin: Any) -> str:
    """What a spin drew and pays: "Three oranges pay 1,500 points", "Lemon, star, plum. No win."."""
    names = list(spin.symbols)
    if not spin.payout:
        return f"{', '.join(names).capitalize()}. No win."
    if len(set(names)) == 1:
        return f"Three {plural(names[0])} pay {spin.payout:,} points"
    pair = next((name for name in names if names.count(name) == 2), None)
    return f"{f'Two {plural(pair)}' if pair else ', '.join(names).capitalize()} pay {spin.payout:,} points"


def short_text(spin: Any) -> str:
    """What a spin came to, beside its symbols and its pay: "Three oranges", "Two cherries", "Paying mix", "No win"."""
    names = list(spin.symbols)
    if not spin.payout:
        return "No win"
    if len(set(names)) == 1:
        return f"Three {plural(names[0])}"
    pair = next((name for name in names if names.count(name) == 2), None)
    return f"Two {plural(pair)}" if pair else "Paying mix"


def kind_text(kind: str) -> str:
    """A kind of win as `Odds` names it: three_plum → three plums, pair_cherry → two cherries, mixed → a paying mix."""
    count, _, name = kind.partition("_")
    match count:
        case "three":
            return f"three {plural(name)}"
        case "pair":
            return f"two {plural(name)}"
    return "a paying mix"
