"""Is the stored market data fit to act on? The same rules as the trade gate's."""

from collections.abc import Iterator

import dagster as dg

from trading_platform.bootstrap import Platform
from trading_platform.defs.tables import as_table
from trading_platform.domain.check import CheckName, CheckResult
from trading_platform.services.check_market_data import check_market_data

CANDLES = dg.AssetKey("candles")

_DESCRIPTIONS = {
    CheckName.FRESH: "The newest candle of every series is there soon after it closed, by the candle's own time.",
    CheckName.NO_GAPS: "No candle is missing inside the window that strategies see.",
    CheckName.SANE: "Prices and volumes are possible: low at the bottom, high at the top, nothing negative.",
}


CANDLE_CHECKS = [dg.AssetCheckSpec(name.value, asset=CANDLES, description=text) for name, text in _DESCRIPTIONS.items()]
"""Evaluated in the step of the asset: a check in a step of its own is skipped when the asset fails, and then the UI
shows 'skipped' at the very moment when the data is getting old."""


def evaluate_candle_checks(platform: Platform) -> Iterator[dg.AssetCheckResult]:
    """Run every check on every series and record the results for the trade gate and the owner."""
    settings = platform.settings
    results = check_market_data(
        platform.store,
        platform.journal,
        platform.clock,
        settings.market.symbols,
        platform.intervals,
        settings.freshness.max_candle_lateness_seconds,
        settings.market.window_candles,
    )
    for name in CheckName:
        yield _summed_up(name, [result for result in results if result.name is name])


def _summed_up(name: CheckName, results: list[CheckResult]) -> dg.AssetCheckResult:
    failed = [result.reason for result in results if not result.passed]
    return dg.AssetCheckResult(
        check_name=name.value,
        asset_key=CANDLES,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(failed) or f"all {len(results)} series pass",
        metadata={
            "series": as_table(
                [
                    {
                        "symbol": result.symbol,
                        "interval": result.interval,
                        "verdict": "ok" if result.passed else "FAILED",
                        "why": result.reason,
                    }
                    for result in results
                ]
            )
        },
    )
