"""Fractions as exact decimals. Pure."""

from decimal import Decimal
from fractions import Fraction

_MAX_DIGITS = 28


def decimal_text(value: Fraction) -> str:
    """Write a fraction as a decimal, exactly: "0", "1.5", "8". A non-terminating one stays a fraction: "1/3"."""
    for digits in range(_MAX_DIGITS):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            return format(Decimal(scaled.numerator).scaleb(-digits), "f")
    return str(value)
