"""Files of recorded candles, in the layout of the public kline archive; the simulated exchange and imports share it.

``SYMBOL-INTERVAL….csv``, ``.csv.gz``, or ``.zip`` with one CSV inside; columns ``open_time, open, high, low, close,
volume, close_time, quote_volume, trades, taker_buy_base, taker_buy_quote, ignore``. A header line is optional, columns
after the volume may be empty or missing, and times are milliseconds, or microseconds in newer files.
"""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO

from trading_platform.domain.candle import Candle, Interval
from trading_platform.domain.errors import FixSettings

COLUMNS = (
    "open_time",
    *("open", "high", "low", "close", "volume"),
    "close_time",
    *("quote_volume", "trades", "taker_buy_base", "taker_buy_quote", "ignore"),
)
SUFFIXES = (".csv", ".csv.gz", ".zip")
_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<interval>\d+[mhd])[^/]*\.(csv\.gz|csv|zip)")
_MICROSECONDS_FROM = 10**14
_MILLISECONDS_FROM = 10**11
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, UnicodeDecodeError, csv.Error)
_INTERVALS_BY_MS = {Interval.parse(name).seconds * 1000: name for name in Interval.names()}
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ArchiveName:
    """What a file's name says: the venue's own symbol (``BTCUSDT``) and the interval."""

    symbol: str
    interval: str

    @classmethod
    def of(cls, path: Path) -> ArchiveName | None:
        """None if the name is another one."""
        match = _NAME.fullmatch(path.name)
        return cls(match["symbol"], match["interval"]) if match else None


def is_archive(path: Path) -> bool:
    """Whether the name's ending is that of a format read here."""
    return path.name.endswith(SUFFIXES)


class ArchiveReader:
    """One file's rows as text, read as they are asked for; a context manager.

    Raises
    ------
    FixSettings
        From any method: the file can't be read or isn't what its name says.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open = ExitStack()
        self.line = 0
        """Line of the row handed out last."""

    def __enter__(self) -> ArchiveReader:
        try:
            self._raw = self._open.enter_context(self._path.open("rb"))
            unpacked = self._open.enter_context(self._unpacked(self._raw))
            text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="")
        except (OSError, zipfile.BadZipFile, RuntimeError) as error:  # the last: a zip that wants a password
            self._open.close()
            raise self._unreadable(error) from None
        self._rows = csv.reader(text)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def bytes_read(self) -> int:
        """Of the file as it lies on disk."""
        return self._raw.tell()

    def rows(self) -> Iterator[list[str]]:
        """Rows without the header and without empty lines."""
        try:
            for cells in self._rows:
                self.line = self._rows.line_num
                if cells and not (self.line == 1 and _is_header(cells)):
                    yield cells
        except _UNREADABLE as error:
            raise self._unreadable(error) from None

    def _unpacked(self, raw: IO[bytes]) -> IO[bytes]:
        if self._path.name.endswith(".gz"):
            return gzip.open(raw)  # type: ignore[return-value]
        if self._path.suffix == ".zip":
            archive = self._open.enter_context(zipfile.ZipFile(raw))
            names = archive.namelist()
            if len(names) != 1:
                raise FixSettings(f"the candle archive {self._path} holds {len(names)} files instead of one CSV")
            return archive.open(names[0])
        return raw

    def _unreadable(self, error: Exception) -> FixSettings:
        where = f" after line {self.line}" if self.line else ""
        return FixSettings(f"can't read the candle archive {self._path}{where}: {error}")


def _is_header(cells: Sequence[str]) -> bool:
    """Only words: a first row whose time alone can't be read is a bad row, which must be told."""
    return not any(any(map(str.isdigit, cell)) for cell in cells[:6])


def epoch_ms(text: str) -> int:
    """An archive's time in milliseconds since the epoch.

    Raises
    ------
    ValueError
        If it is neither milliseconds nor microseconds.
    """
    value = _milliseconds(text)
    if value < _MILLISECONDS_FROM:
        raise ValueError(f"has an open time, {text}, that is neither in milliseconds nor in microseconds")
    return value


def _milliseconds(text: str) -> int:
    value = int(text)
    return value // 1000 if value >= _MICROSECONDS_FROM else value


def parse_candle(cells: Sequence[str], interval: Interval) -> Candle:
    """A row as a candle, digit for digit.

    Raises
    ------
    ValueError
        Its message says what is wrong with the row.
    """
    if len(cells) < 6:
        raise ValueError(f"has {len(cells)} columns instead of at least 6")
    if not cells[0].isdigit():
        raise ValueError(_numberless(cells))
    open_ms = epoch_ms(cells[0])
    try:
        open_, high, low, close, volume = map(Decimal, cells[1:6])
        opened = datetime.fromtimestamp(open_ms / 1000, UTC)  # exact: float64 holds every millisecond
        candle = Candle(opened, open_, high, low, close, volume)
        is_sane = candle.is_sane() and high.is_finite() and volume.is_finite()
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(_numberless(cells)) from None
    if open_ms % (interval.seconds * 1000):
        raise ValueError(f"opens at {candle.open_time:%Y-%m-%d %H:%M:%S} UTC, where no {interval} candle does")
    if len(cells) > 6 and cells[6].isdigit():
        length_ms = _milliseconds(cells[6]) + 1 - open_ms
        if length_ms != interval.seconds * 1000 and length_ms in _INTERVALS_BY_MS:
            raise ValueError(f"is a {_INTERVALS_BY_MS[length_ms]} candle by its close time, not one of {interval}")
    if not is_sane:
        raise ValueError(f"has impossible prices or volume: {', '.join(cells[1:6])}")
    return candle


def _numberless(cells: Sequence[str]) -> str:
    return f"has something that is no time or number: {', '.join(cells[:6])}"


def archive_row(candle: Candle, interval: Interval) -> list[str]:
    """The first seven columns of a candle's row."""
    open_ms = (candle.open_time - _EPOCH) // _MILLISECOND
    values = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return [str(open_ms), *(format(value, "f") for value in values), str(open_ms + interval.seconds * 1000 - 1)]
