"""Candles of the past, a partition per day: filled by backfills from the UI, by imports, and every night."""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from trading_platform.defs.lanes import HISTORY_POOL
from trading_platform.defs.resources import PlatformParam
from trading_platform.defs.tables import as_table
from trading_platform.domain.candle import Interval
from trading_platform.services.backfill_day import FilledSeries, backfill_day
from trading_platform.settings import current_settings

GROUP = "history"
AGREES = "history_agrees_with_the_venue"
_SHOWN_DIFFERENCES = 20

# today's partition is there from midnight on, with what has closed so far
DAYS = dg.DailyPartitionsDefinition(current_settings().history.start.isoformat(), timezone="UTC", end_offset=1)


def history_key(interval: str) -> dg.AssetKey:
    """Key of an interval's history."""
    return dg.AssetKey(f"candle_history_{interval}")


def _history_of(interval: Interval) -> dg.AssetsDefinition:
    key = history_key(interval.name)

    @dg.asset(
        key=key,
        group_name=GROUP,
        kinds={"postgres"},
        partitions_def=DAYS,
        pool=HISTORY_POOL,
        check_specs=[
            dg.AssetCheckSpec(
                AGREES,
                asset=key,
                description="What was stored of the day, from whatever source, is what the venue publishes of it now.",
            )
        ],
        description=f"{interval} candles of a day, of every symbol, as the venue publishes them.",
    )
    def candle_history(
        context: dg.AssetExecutionContext, platform: PlatformParam
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """Fill what is missing, correct what differs, record what the venue lacks."""
        day = date.fromisoformat(context.partition_key)
        symbols = platform.settings.market.symbols
        filled = backfill_day(platform.feed, platform.store, platform.clock, symbols, interval, day)
        yield _materialization(key, filled)
        yield _judged(key, context.partition_key, filled)

    return candle_history


def _materialization(key: dg.AssetKey, filled: Sequence[FilledSeries]) -> dg.MaterializeResult:
    rows = [
        {
            "symbol": each.symbol,
            "rows": each.fetched,
            "of": each.closed,
            "new": each.write.inserted,
            "corrected": each.write.corrected,
            "same": each.write.unchanged,
            "lacking": sum(gap.candles for gap in each.gaps),
        }
        for each in filled
    ]
    gaps = [
        {
            "symbol": each.symbol,
            "first missing (UTC)": gap.first_missing,
            "last missing (UTC)": gap.last_missing,
            "candles": gap.candles,
        }
        for each in filled
        for gap in each.gaps
    ]
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "series": as_table(rows),
            "dagster/partition_row_count": sum(each.fetched for each in filled),
            "new_candles": sum(each.write.inserted for each in filled),
            "corrected_candles": sum(each.write.corrected for each in filled),
            **({"gaps_of_the_venue": as_table(gaps)} if gaps else {}),
        },
    )


def _judged(key: dg.AssetKey, day: str, filled: Sequence[FilledSeries]) -> dg.AssetCheckResult:
    disagreeing = [each for each in filled if not each.agreement.agrees]
    rows = [
        {
            "symbol": each.symbol,
            "compared": sum(each.agreement.compared.values()),
            "differ": len(each.agreement.differences),
            "venue doesn't publish": len(each.agreement.unpublished),
            "why": each.agreement.summary(),
        }
        for each in filled
    ]
    differences = [
        {"symbol": each.symbol, "difference": difference}
        for each in filled
        for difference in each.agreement.differences[:_SHOWN_DIFFERENCES]
    ]
    told = "; ".join(f"{each.symbol}, {each.agreement.summary()}" for each in disagreeing or filled)
    return dg.AssetCheckResult(
        check_name=AGREES,
        asset_key=key,
        passed=not disagreeing,
        # what differs is corrected in the same run, and candle_corrections keeps what was there
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{day}: {told}",
        metadata={"series": as_table(rows), **({"differences": as_table(differences)} if differences else {})},
    )


HISTORIES = [_history_of(Interval.parse(name)) for name in dict.fromkeys(current_settings().market.intervals)]
