"""How much to sell."""

from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.instrument import Instrument


def size_exit(held: Decimal, instrument: Instrument) -> Decimal:
    """All that is held, on the lot grid (zero if less than one lot)."""
    quantity = instrument.floor_quantity(held)
    return quantity if quantity >= instrument.min_quantity else Decimal(0)
