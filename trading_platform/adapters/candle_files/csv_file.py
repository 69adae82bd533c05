"""CSV in the layout of the public kline archive, so that imports and replays read it back."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from trading_platform.adapters.candle_files.drafts import draft_of
from trading_platform.domain.candle import Candle, Interval
from trading_platform.kline_archive import COLUMNS, archive_row


class _CsvFile:
    def __init__(self, file: TextIO, interval: Interval) -> None:
        self._writer = csv.writer(file)
        self._interval = interval
        self._empty = [""] * (len(COLUMNS) - 7)
        self._writer.writerow(COLUMNS)

    def append(self, candles: Sequence[Candle]) -> None:
        """Add candles; the columns that aren't kept stay empty."""
        self._writer.writerows([*archive_row(candle, self._interval), *self._empty] for candle in candles)


class CsvFormat:
    """Fills the role `CandleFileFormat`; a name that ends in .gz is compressed."""

    @contextmanager
    def create(self, path: Path, symbol: str, interval: Interval) -> Iterator[_CsvFile]:
        """Begin a file."""
        del symbol  # the file's name says it, as in the archive
        with draft_of(path) as draft, _opened(draft, compressed=path.name.endswith(".gz")) as file:
            yield _CsvFile(file, interval)


def _opened(path: Path, *, compressed: bool) -> TextIO:
    return gzip.open(path, "wt", newline="") if compressed else path.open("w", newline="")
