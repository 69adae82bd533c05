"""Parquet with decimals that are exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from trading_platform.adapters.candle_files.drafts import draft_of
from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings

_DECIMAL = pa.decimal128(38, 18)
_VALUES = ("open", "high", "low", "close", "volume")
_SCHEMA = pa.schema(
    [
        ("symbol", pa.string()),
        ("interval", pa.string()),
        ("open_time", pa.timestamp("ms", tz="UTC")),
        *((name, _DECIMAL) for name in _VALUES),
    ]
)


class _ParquetFile:
    def __init__(self, writer: parquet.ParquetWriter, symbol: str, interval: Interval) -> None:
        self._writer = writer
        self._symbol = symbol
        self._interval = interval

    def append(self, candles: Sequence[Candle]) -> None:
        """Add candles as a row group.

        Raises
        ------
        FixSettings
            If a value has more than 20 digits before the point or 18 after it.
        """
        names = {"symbol": [self._symbol] * len(candles), "interval": [self._interval.name] * len(candles)}
        times = {"open_time": [candle.open_time for candle in candles]}
        values = {name: [getattr(candle, name) for candle in candles] for name in _VALUES}
        try:
            table = pa.Table.from_pydict(names | times | values, schema=_SCHEMA)
        except pa.ArrowInvalid as error:
            raise FixSettings(f"a value doesn't fit into Parquet's decimals ({error}); export to CSV instead") from None
        self._writer.write_table(table)


class ParquetFormat:
    """Fills the role `CandleFileFormat`: decimal128(38, 18), times in UTC."""

    @contextmanager
    def create(self, path: Path, symbol: str, interval: Interval) -> Iterator[_ParquetFile]:
        """Begin a file."""
        with draft_of(path) as draft, parquet.ParquetWriter(draft, _SCHEMA) as writer:
            yield _ParquetFile(writer, symbol, interval)
