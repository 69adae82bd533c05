"""What the strategies say about every closed candle."""

import dagster as dg

from trading_platform.defs.indicators.assets import indicators
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.tables import as_table, link_to_asset
from trading_platform.domain.halt import is_flatten_signal
from trading_platform.domain.signal import Signal
from trading_platform.services.generate_signals import generate_signals


@dg.asset(
    group_name="signals",
    kinds={"postgres", "python"},
    deps=[indicators],
    description="Long and short signals, judged once per strategy and closed candle.",
)
def signals(platform: PlatformParam) -> dg.MaterializeResult:
    """Judge the new candles and record what comes out."""
    settings = platform.settings
    platform.open_account()
    judged = generate_signals(
        platform.store,
        platform.ledger,
        platform.clock,
        settings.account.name,
        settings.market.symbols,
        platform.strategies,
        settings.market.window_candles,
        memory=platform.window_memory,
    )
    new = [judgement.signal for judgement in judged if judgement.signal]
    recent = platform.ledger.recent_signals(settings.account.name, 10)
    return dg.MaterializeResult(
        metadata={
            "chart": link_to_asset("price_chart"),
            "new_signals": len(new),
            "judged_candles": len({(j.series.symbol, j.series.interval, j.open_time) for j in judged}),
            "recent_signals": as_table(
                [
                    {
                        "close (UTC)": f"{s.candle_close:%d %b %H:%M}",
                        "signal": _told(s),
                        "why": s.reason,
                    }
                    for s in recent
                ]
            ),
        }
    )


def _told(signal: Signal) -> str:
    """In one cell: the UI leaves little room for the reason beside many."""
    if is_flatten_signal(signal):
        return f"sell {signal.symbol} (halt)"
    return f"{signal.direction} {signal.symbol} {signal.interval} ({signal.strategy.replace('_', ' ')})"
