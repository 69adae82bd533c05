"""Rounding of decimals to a grid."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

_AMOUNT_STEP = Decimal("1E-8")
_BPS = Decimal(10_000)


def round_to(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    """``value`` on the grid of ``step``."""
    return (value / step).to_integral_value(rounding) * step


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` up to ``value``."""
    return round_to(value, step, ROUND_FLOOR)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether ``value`` lies on the grid of ``step``."""
    return value % step == 0


def amount_down(value: Decimal) -> Decimal:
    """An asset's amount, to the eight decimals that the books keep."""
    return value.quantize(_AMOUNT_STEP, ROUND_FLOOR)


def amount_up(value: Decimal) -> Decimal:
    """An amount to be held back: never less than what may be spent."""
    return value.quantize(_AMOUNT_STEP, ROUND_CEILING)


def share_of(amount: Decimal, bps: Decimal) -> Decimal:
    """``bps`` basis points of an amount."""
    return amount_down(amount * bps / _BPS)
