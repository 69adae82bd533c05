"""How long does a million candles take from an archive into the store?

The archive is made here, seeded, with prices of as many digits as a real one's; PostgreSQL runs as the platform runs
it. Beside it, in the same run, the same rows go into a table of the same shape by a plain COPY, which is the least that
any import must do: the ratio of the two holds on a machine that other work keeps busy, the seconds don't.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg2
from rich.console import Console
from rich.table import Table

from benchmarks.records import keep
from trading_platform.adapters.candle_files import JsonImportProgress
from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.series_store import PostgresSeriesStore
from trading_platform.domain.candle import Interval
from trading_platform.ports.series_store import CandleWrite
from trading_platform.services.import_candles import ArchiveFile, import_archive
from trading_platform_tests.fakes import FakeClock
from trading_platform_tests.support.postgres import SHARED, running_postgres

SYMBOL, MINUTE = "BTC/USDT", Interval.parse("1m")
FIRST_OPEN_MS = 1_577_836_800_000  # 2020-01-01 00:00 UTC
_PLAIN = """
CREATE TABLE plain_candles (
    symbol text, interval text, open_time timestamptz, open numeric, high numeric, low numeric, close numeric,
    volume numeric, source text, received_at timestamptz, PRIMARY KEY (symbol, interval, open_time)
)
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of the wall clock, and of this process's CPU."""

    name: str
    candles: int
    seconds: float
    cpu_seconds: float


def write_archive(path: Path, candles: int) -> None:
    """A random walk in the layout of the public kline archive."""
    with gzip.open(path, "wt", compresslevel=1) as file:
        for fields in _walk(candles):
            open_ms, *values = fields
            file.write(f"{open_ms},{','.join(values)},{open_ms + 59_999},957000.12345678,1502,6.1,514000.2,0\n")


def _walk(candles: int) -> Iterator[tuple[int, str, str, str, str, str]]:
    random = np.random.default_rng(11347)
    close = np.abs(50_000 + np.cumsum(random.normal(0, 3, candles))) + 10
    opened = np.concatenate(([close[0]], close[:-1]))
    high, low = np.maximum(opened, close) + 1, np.minimum(opened, close) - 1
    volume = random.lognormal(1, 1, candles)
    columns = zip(*(column.tolist() for column in (opened, high, low, close, volume)), strict=True)
    for number, row in enumerate(columns):
        o, h, low_, c, v = (f"{value:.8f}" for value in row)
        yield FIRST_OPEN_MS + 60_000 * number, o, h, low_, c, v


def measure_copy(url: str, candles: int) -> Measured:
    """The same rows by one COPY into an empty table; the text is made beforehand."""
    lines = io.StringIO()
    for open_ms, *values in _walk(candles):
        opened = datetime.fromtimestamp(open_ms / 1000, UTC)
        lines.write("\t".join((SYMBOL, MINUTE.name, str(opened), *values, "archive", str(opened))) + "\n")
    lines.seek(0)
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(_PLAIN)
    began, cpu = time.perf_counter(), time.process_time()
    with connection, connection.cursor() as cursor:
        cursor.copy_expert("COPY plain_candles FROM STDIN", lines)
    measured = Measured("plain COPY", candles, time.perf_counter() - began, time.process_time() - cpu)
    connection.close()
    return measured


def measure_import(name: str, store: PostgresSeriesStore, path: Path, candles: int, expected: CandleWrite) -> Measured:
    """`trading-platform import` without its start: read, check, store."""
    progress = JsonImportProgress(path.with_suffix(".json"), "bench")
    began, cpu = time.perf_counter(), time.process_time()
    clock = FakeClock(datetime.now(UTC))
    done = import_archive(store, clock, ArchiveFile(path, SYMBOL, MINUTE), progress, lambda _: None)
    measured = Measured(name, candles, time.perf_counter() - began, time.process_time() - cpu)
    assert done.write == expected, done.write
    return measured


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candles", type=int, default=1_000_000)
    candles = parser.parse_args().candles
    console = Console(width=100)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder, running_postgres(is_durable=True) as server:
        path = Path(folder) / "BTCUSDT-1m.csv.gz"
        console.print(f"writing an archive of {candles:,} candles …")
        write_archive(path, candles)
        engine = make_engine(server.url(SHARED), waits_for_disk=False)
        store = PostgresSeriesStore(engine)
        results = [
            measure_copy(server.url(SHARED), candles),
            measure_import("import", store, path, candles, CandleWrite(inserted=candles)),
            measure_import("import again", store, path, candles, CandleWrite(unchanged=candles)),
        ]
        engine.dispose()
    table = Table("", "seconds", "its own CPU, s", "candles/s", title=f"{candles:,} candles")
    for each in results:
        table.add_row(
            each.name, f"{each.seconds:.1f}", f"{each.cpu_seconds:.1f}", f"{each.candles / each.seconds:,.0f}"
        )
    console.print(table)
    ratio = results[1].seconds / results[0].seconds
    console.print(f"import takes {ratio:.1f} times as long as the COPY; load before the start {load:.1f}")
    figures = {"load_before": load, "import_to_copy": ratio, "results": [asdict(each) for each in results]}
    keep("candle_import", figures, console)


if __name__ == "__main__":
    main()
