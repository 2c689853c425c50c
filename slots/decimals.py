"""Fractions as exact decimals. Pure."""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

_MAX_DIGITS = 28


def decimal_text(value: Fraction) -> str:
    """Write a fraction as a decimal, exactly: "0", "1.5", "8". A non-terminating one stays a fraction: "1/3"."""
    for digits in range(_MAX_DIGITS):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            return format(Decimal(scaled.numerator).scaleb(-digits), "f")
    return str(value)


@lru_cache(maxsize=1_024)
def multiplier_of(payout: int, bet: int) -> str:
    """What a spin pays for each point of its bet, as an exact decimal."""
    return decimal_text(Fraction(payout, bet))
