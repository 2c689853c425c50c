"""Fractions as exact decimals, for people. Pure."""

from decimal import Decimal
from fractions import Fraction

_MOST_DIGITS = 28


def decimal_text(value: Fraction) -> str:
    """Write a fraction as a decimal, exactly: "0", "1.5", "8". One that never ends stays a fraction: "1/3"."""
    for digits in range(_MOST_DIGITS):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            return format(Decimal(scaled.numerator).scaleb(-digits), "f")
    return str(value)
