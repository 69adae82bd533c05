"""`trading-platform import` and `export`: files on one side, the running platform's database on the other."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from trading_platform.adapters.candle_files import JsonImportProgress, format_of
from trading_platform.bootstrap import Platform
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings
from trading_platform.kline_archive import ArchiveName, is_archive
from trading_platform.runtime.addresses import Addresses
from trading_platform.runtime.attach import attach
from trading_platform.runtime.environment import child_environment
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.symbol_names import unified_symbol
from trading_platform.services.aggregate_candles import LocalInterval, aggregate_history
from trading_platform.services.complete_days import complete_days
from trading_platform.services.export_candles import export_candles
from trading_platform.services.import_candles import ArchiveFile, ImportedFile, import_archive
from trading_platform.settings import Settings

_SHOWN_BAD_ROWS = 20
_REPORTER = "trading_platform.runtime.report_partitions"


def import_files(settings: Settings, paths: Sequence[Path], symbol: str | None, interval: str | None) -> int:
    """Import archives with a progress bar; returns 1 if a row was bad or a folder's file left out, 0 otherwise.

    Raises
    ------
    FixSettings
        The platform doesn't run, or a path is no archive. What else lies in a folder is left out, and told.
    RetryLater
        The database doesn't answer; the next import carries on.
    """
    files, left_out = _series(paths, settings, symbol, interval)
    platform, state, addresses = attach(settings)
    known = hashlib.sha256(addresses.database.encode()).hexdigest()[:12]
    progress = JsonImportProgress(state.root / "import-progress.json", known)
    console = Console(highlight=False, soft_wrap=True)
    for why in left_out:
        console.print(f"left out: {why}")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), DownloadColumn())
    imported = []
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=sum(file.path.stat().st_size for file in files))
        finished = 0
        for file in files:
            bar.update(task, description=file.path.name)
            done = import_archive(
                platform.store,
                platform.clock,
                file,
                progress,
                lambda read, before=finished: bar.update(task, completed=before + read),  # type: ignore[misc]
            )
            finished += file.path.stat().st_size
            bar.update(task, completed=finished)
            imported.append(done)
            _tell(console, done)
    if any(done.write.spooled for done in imported):
        console.print("import once more when InfluxDB is back, to see whole days in Dagster: nothing is stored twice")
    else:
        _make_longer_ones(platform, imported)
        _report_partitions(platform, state, addresses, imported, console)
    return 1 if left_out or any(done.bad_rows for done in imported) else 0


def export_file(
    settings: Settings, file: Path, symbol: str, interval: str, start: datetime | None, end: datetime | None
) -> None:
    """Export with a progress bar.

    Raises
    ------
    FixSettings
        The platform doesn't run, the series has no candles in that time, or the file can't be written.
    """
    if start and end and start >= end:
        raise FixSettings(f"--from {start:%Y-%m-%d %H:%M} must be before --to {end:%Y-%m-%d %H:%M}")
    _require_unified(symbol)
    target = file.expanduser().resolve()
    file_format, kept = format_of(target), _interval(interval)
    platform, _, _ = attach(settings)
    series, unified = f"{symbol.upper()} {kept}", symbol.upper()
    if not platform.store.candles_per_day(unified, kept, start=start, end=end):
        raise FixSettings(f"no {series} candles are stored of that time; nothing was written")
    console = Console(highlight=False, soft_wrap=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(target.name)
        done = export_candles(
            platform.store,
            file_format,
            target,
            unified,
            kept,
            start,
            end,
            lambda written, total: bar.update(task, completed=written, total=total),
        )
    console.print(f"{done.candles:,} {series} candles, {done.first:%Y-%m-%d %H:%M} to {done.last:%Y-%m-%d %H:%M} UTC")
    console.print(str(target))


def _series(
    paths: Sequence[Path], settings: Settings, symbol: str | None, interval: str | None
) -> tuple[list[ArchiveFile], list[str]]:
    """The files to import, and why others of the folders aren't among them; one that was named itself must be."""
    if symbol:
        _require_unified(symbol)
    files: list[ArchiveFile] = []
    left_out: list[str] = []
    for path in _archives(paths):
        try:
            files.append(_series_of(path, settings, symbol, interval))
        except FixSettings as mistake:
            if path in paths:
                raise
            left_out.append(str(mistake))
    if not files:
        raise FixSettings("; ".join(left_out))
    return files, left_out


def _require_unified(symbol: str) -> None:
    if "/" not in symbol:
        raise FixSettings(f"--symbol {symbol}: write it as BASE/QUOTE; say --symbol BTC/USDT, for instance")


def _archives(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(filter(is_archive, path.iterdir())) if path.is_dir() else [path]
        if not inside:
            raise FixSettings(f"{path} holds no .csv, .csv.gz or .zip")
        found += inside
    for path in found:
        if not path.is_file():
            raise FixSettings(f"{path} is not a file")
        if not is_archive(path):
            raise FixSettings(f"{path} is no kline archive: its name ends in none of .csv, .csv.gz and .zip")
    return found


def _series_of(path: Path, settings: Settings, symbol: str | None, interval: str | None) -> ArchiveFile:
    name = ArchiveName.of(path)
    if symbol and name and name.symbol != symbol.upper().replace("/", ""):
        told = f"{path.name} holds {name.symbol} by its name, not {symbol.upper()}"
        raise FixSettings(f"{told}; rename it if that is wrong")
    chosen = symbol or (name and unified_symbol(name.symbol, settings))
    if not chosen or "/" not in chosen:
        raise FixSettings(
            f"{path.name} doesn't tell its symbol: name the file SYMBOL-INTERVAL…, or say --symbol BTC/USDT"
        )
    if not (interval or name):
        raise FixSettings(
            f"{path.name} doesn't tell its interval: name the file SYMBOL-INTERVAL…, or say --interval 1m"
        )
    return ArchiveFile(path, chosen.upper(), _interval(interval or (name.interval if name else "")))


def _interval(name: str) -> Interval:
    try:
        return Interval.parse(name)
    except ValueError as error:
        raise FixSettings(str(error)) from None


def _tell(console: Console, done: ImportedFile) -> None:
    write = done.write
    counts = f"{write.inserted:,} new, {write.corrected:,} corrected, {write.unchanged:,} unchanged"
    waiting = f", {write.spooled:,} wait for InfluxDB" if write.spooled else ""
    changed = "" if write.inserted or write.corrected or write.spooled else "; nothing has changed"
    resumed = f" (carried on after row {done.resumed_after:,})" if done.resumed_after else ""
    series = f"{done.file.symbol} {done.file.interval}"
    console.print(f"{done.file.path.name}: {series}, {done.rows:,} rows{resumed}: {counts}{waiting}{changed}")
    for bad in done.bad_rows[:_SHOWN_BAD_ROWS]:
        console.print(f"  left out: {bad}")
    if len(done.bad_rows) > _SHOWN_BAD_ROWS:
        console.print(f"  left out: {len(done.bad_rows) - _SHOWN_BAD_ROWS} more")


def _make_longer_ones(platform: Platform, imported: Sequence[ImportedFile]) -> None:
    """Where longer candles are made here, those of what was imported as well."""
    base, *longer = sorted(set(platform.intervals))
    if platform.settings.market.higher_intervals != "local":
        return
    for done in imported:
        if done.file.interval == base and done.first and done.last:
            for target in longer:
                local = LocalInterval(done.file.symbol, base, target)
                aggregate_history(platform.store, platform.clock, local, done.first, base.close_of(done.last))


def _report_partitions(
    platform: Platform, state: StateFolder, addresses: Addresses, imported: Sequence[ImportedFile], console: Console
) -> None:
    """Show the days that are whole now as materialized in the UI; the candles are stored whether or not that works."""
    days: dict[str, dict[str, dict[str, int]]] = {}
    for interval in set(platform.intervals):
        touched = [done for done in imported if done.file.interval == interval and done.first and done.last]
        symbols = platform.settings.market.symbols
        complete: dict[date, dict[str, int]] = {}
        for done in touched:
            if done.first and done.last:
                complete |= complete_days(platform.store, symbols, interval, done.first.date(), done.last.date())
        since = platform.settings.history.start
        days[interval.name] = {str(day): rows for day, rows in sorted(complete.items()) if day >= since}
    if not any(days.values()):
        return
    reported = subprocess.run(
        [sys.executable, "-m", _REPORTER],
        input=json.dumps(days),
        env=child_environment(platform.settings, state, addresses),
        capture_output=True,
        text=True,
        check=False,
    )
    if reported.returncode:
        why = (reported.stderr.strip() or "no message").splitlines()[-1]
        console.print(f"the days couldn't be shown in Dagster ({why}); import once more when its storage answers")
    elif int(reported.stdout):
        console.print(f"{int(reported.stdout):,} days are complete now, and show as materialized in Dagster")
