"""The 15-second heartbeat: one run that brings everything from prices to signals up to date."""

import dagster as dg

from trading_platform.defs.lanes import MARKET_TAGS, QUIET, is_active
from trading_platform.defs.market_data.streams import MARKET_STREAM
from trading_platform.defs.resources import PlatformParam
from trading_platform.settings import current_settings

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.groups("market_data", "indicators", "signals", "account")
    - dg.AssetSelection.assets(MARKET_STREAM),
    tags=MARKET_TAGS,
    config=QUIET,
    description="Prices, candles, checks, indicators, signals and the account's worth, for all symbols at once.",
)


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=int(current_settings().cadence.refresh_seconds),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests one refresh run per tick, unless the last one is still at work.",
)
def refresh_sensor(context: dg.SensorEvaluationContext, platform: PlatformParam) -> dg.RunRequest | dg.SkipReason:
    """One request for all symbols: two per tick back up in a lane of one."""
    if platform.settings.replay.step:
        return dg.SkipReason("stepping: the step job refreshes after each candle")
    if is_active(context.instance, refresh.name):
        return dg.SkipReason("the last refresh run is still at work")
    return dg.RunRequest(tags={"trading/requested_by": "refresh_sensor"})
