"""`trading-platform store migrate`: market data from PostgreSQL to InfluxDB, or back."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from trading_platform.adapters.json_migration_progress import JsonMigrationProgress
from trading_platform.bootstrap import Platform
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.ports.clock import WallClock
from trading_platform.runtime.attach import attach
from trading_platform.runtime.stores import spooling_influx, store_of
from trading_platform.services.migrate_store import (
    MovedMetrics,
    MovedSeries,
    count_candles,
    is_unfinished,
    move_metrics,
    move_series,
    move_tickers,
)
from trading_platform.settings import Settings

RECORD = "store-migration.json"
_CATCH_UP_SECONDS = 60.0
_SHOWN_DIGITS = 16


def migrate_store(settings: Settings, source: str, target: str, symbols: list[str]) -> int:
    """Copy with a progress bar; 0 if every candle is the same in both, 1 otherwise.

    Raises
    ------
    FixSettings
        The stores are the same or unknown, the database doesn't run, or InfluxDB isn't reached by the settings.
    RetryLater
        A store doesn't answer, or points still wait for InfluxDB; the next call carries on.
    """
    if source == target:
        raise FixSettings(f"--from and --to are both {source}; name two different stores")
    platform, state, _ = attach(settings)
    stores = store_of(platform, source), store_of(platform, target)
    _empty_the_spool(platform)
    chosen = [symbol.upper() for symbol in symbols] or [*settings.market.symbols]
    progress = JsonMigrationProgress(state.root / RECORD, f"{source}>{target}|{_identity(platform)}")
    console = Console(highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
    moved: list[MovedSeries] = []
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        series = [(symbol, Interval.parse(name)) for symbol in chosen for name in Interval.names()]
        counts = {each: count_candles(stores[0], *each, progress) for each in series}
        waiting = {each: count for each, count in counts.items() if count or is_unfinished(*each, progress)}
        task = bar.add_task("", total=sum(waiting.values()))
        before = 0
        for (symbol, interval), count in waiting.items():
            bar.update(task, description=f"{symbol} {interval}", completed=before)
            done = move_series(
                *stores,
                symbol,
                interval,
                progress,
                lambda candles, before=before: bar.update(task, completed=before + candles),  # type: ignore[misc]
            )
            before += count
            moved.append(done)
            _tell(console, done)
    prices = move_tickers(*stores, chosen)
    metrics = move_metrics(*stores, WallClock().wall() - _metrics_kept(settings))
    _tell_metrics(console, metrics)
    console.print(f"{prices} latest prices; {len(moved)} series from {source} to {target}")
    if settings.store.kind != target:
        console.print(f'to use it, set store.kind = "{target}" and start the platform again')
    return 0 if metrics.is_verified and all(done.is_verified for done in moved) else 1


def _metrics_kept(settings: Settings) -> timedelta:
    """How long both stores keep them, an hour less: InfluxDB refuses what is as old as its bucket."""
    kept = timedelta(hours=settings.retention.metric_hours)
    if settings.replay.folder is None and settings.influxdb.tick_days:
        kept = min(kept, timedelta(days=settings.influxdb.tick_days) - timedelta(hours=1))
    return kept


def _empty_the_spool(platform: Platform) -> None:
    """What waits belongs to InfluxDB, whichever way the rest goes."""
    if platform.spool.state().rows and not spooling_influx(platform).catch_up(_CATCH_UP_SECONDS):
        state = platform.spool.state()
        raise RetryLater(f"{state.points:,} points still wait for InfluxDB; try again when it has them (store status)")


def _identity(platform: Platform) -> str:
    """Which servers: a position on others says nothing."""
    database, influx = platform.settings.servers.database, platform.settings.influxdb
    places = (database and database.get_secret_value(), influx.url, influx.org, influx.bucket)
    return hashlib.sha256("|".join(map(str, places)).encode()).hexdigest()[:12]


def _tell(console: Console, done: MovedSeries) -> None:
    write = done.write
    resumed = f" (carried on at {done.resumed_at:%Y-%m-%d %H:%M} UTC)" if done.resumed_at else ""
    counts = f"{write.inserted:,} new, {write.corrected:,} corrected, {write.unchanged:,} unchanged"
    others = f", {done.corrections:,} earlier states, {done.gaps} recorded gaps, {done.indicators:,} rows of indicators"
    console.print(f"{done.symbol} {done.interval}: {done.candles:,} candles{resumed}: {counts}{others}")
    digits = done.checksum[:_SHOWN_DIGITS]
    if done.is_verified:
        console.print(f"  verified: the same {done.candles:,} in both, sha256 {digits}…")
    else:
        console.print(
            f"  NOT the same: {done.wrong:,} candles are missing or different in the target; "
            f"sha256 {digits}… and {done.target_checksum[:_SHOWN_DIGITS]}…; try again"
        )
    if done.more_in_target:
        console.print(f"  the target has {done.more_in_target:,} candles more than the source")


def _tell_metrics(console: Console, done: MovedMetrics) -> None:
    digits = done.checksum[:_SHOWN_DIGITS]
    if done.is_verified:
        console.print(f"metrics: {done.points:,} points, verified: the same in both, sha256 {digits}…")
    else:
        console.print(
            f"metrics: NOT the same: {done.wrong:,} of {done.points:,} points are missing or different; try again"
        )
