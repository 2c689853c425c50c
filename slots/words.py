"""Words for kinds of win, for pages and the back office. Pure."""

_PLURAL = {"cherry": "cherries"}


def plural(name: str) -> str:
    """A symbol's name for two or three of it."""
    return _PLURAL.get(name, f"{name}s")


def alike_text(kind: str) -> str:
    """The words of a kind of equal symbols, as `Odds` names it: three_plum → three plums; empty for any other kind."""
    count, _, name = kind.partition("_")
    match count:
        case "three":
            return f"three {plural(name)}"
        case "pair":
            return f"two {plural(name)}"
    return ""
