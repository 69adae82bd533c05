"""Freshness watched on its own, so that it is noticed when the refresh sensor itself is off."""

import time

import dagster as dg

from trading_platform.defs.market_data.assets import candles
from trading_platform.defs.resources import PlatformParam
from trading_platform.domain.check import CheckName
from trading_platform.services.watch_freshness import watch_freshness
from trading_platform.settings import current_settings

STARTING_SECONDS = 60.0

_loaded_at = time.monotonic()


@dg.sensor(
    minimum_interval_seconds=int(current_settings().cadence.watchdog_seconds),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Judges the data's age outside the refresh run; a change shows on the check and reaches the owner.",
)
def freshness_watchdog(context: dg.SensorEvaluationContext, platform: PlatformParam) -> dg.SensorResult:
    """Reports a check evaluation whenever a series turns stale or fresh."""
    settings = platform.settings
    watch = watch_freshness(
        platform.store,
        platform.journal,
        platform.clock,
        settings.market.symbols,
        platform.intervals,
        settings.freshness.max_candle_lateness_seconds,
        starting=time.monotonic() - _loaded_at < STARTING_SECONDS,
    )
    stale = [series.reason for series in watch.series if not series.is_fresh]
    verdict = "stale: " + "; ".join(stale) if stale else f"all {len(watch.series)} series are fresh"
    remembered = "stale" if stale else "fresh"
    changed = context.cursor != remembered
    evaluation = dg.AssetCheckEvaluation(
        asset_key=candles.key,
        check_name=CheckName.FRESH.value,
        passed=not stale,
        severity=dg.AssetCheckSeverity.ERROR,
        description=verdict,
        metadata={"seen_by": "freshness_watchdog"},
    )
    return dg.SensorResult(skip_reason=verdict, cursor=remembered, asset_events=[evaluation] if changed else [])
