"""How much to buy: methods that propose a size, limits that cut it, and the exchange's filters that it must pass.

One method per file, each a pure function; `hybrid` takes the most conservative of those chosen, `entry` makes an order
of it that can also be closed.
"""

from trading_platform.domain.sizing.basis import EntryLimits, SizingBasis
from trading_platform.domain.sizing.entry import BPS, SizedOrder, size_entry
from trading_platform.domain.sizing.exit import size_exit
from trading_platform.domain.sizing.rules import SizingMethod, SizingRules

__all__ = [
    "BPS",
    "EntryLimits",
    "SizedOrder",
    "SizingBasis",
    "SizingMethod",
    "SizingRules",
    "size_entry",
    "size_exit",
]
