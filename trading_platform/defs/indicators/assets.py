"""Technical indicators of every closed candle."""

import dagster as dg

from trading_platform.defs.market_data.assets import candles
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.tables import as_table, utc
from trading_platform.services.store_indicators import store_indicators

SERIES_AT_ONCE = 4
"""As many as the store has connections for; one core's worth of computing in any case."""


@dg.asset(
    group_name="indicators",
    kinds={"postgres", "python"},
    deps=[candles],
    description="Indicator values per closed candle, computed over the window that strategies see.",
)
def indicators(platform: PlatformParam) -> dg.MaterializeResult:
    """Compute what the new candles add."""
    market = platform.settings.market
    judged = store_indicators(
        platform.store,
        market.symbols,
        platform.intervals,
        platform.indicators,
        market.window_candles,
        at_once=SERIES_AT_ONCE,
        memory=platform.window_memory,
    )
    rows = [
        {"indicator": name, **{s.symbol: f"{s.newest_values.get(name, float('nan')):.8g}" for s in judged}}
        for name in sorted({name for s in judged for name in s.newest_values})
    ]
    return dg.MaterializeResult(
        metadata={
            "newest_values": as_table(rows),
            "new_rows": sum(s.candles for s in judged),
            "newest_candle": utc(max((s.newest_open_time for s in judged if s.newest_open_time), default=None)),
        }
    )
