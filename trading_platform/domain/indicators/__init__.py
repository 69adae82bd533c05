"""Technical indicators over windows of closed candles."""

from trading_platform.domain.indicators.compute import compute_indicators
from trading_platform.domain.indicators.spec import IndicatorSpec, parse_indicators
from trading_platform.domain.indicators.values import PRICE_COLUMNS, InvalidIndicatorError

__all__ = [
    "PRICE_COLUMNS",
    "IndicatorSpec",
    "InvalidIndicatorError",
    "compute_indicators",
    "parse_indicators",
]
