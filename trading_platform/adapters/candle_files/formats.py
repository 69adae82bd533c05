"""Which format a file's name asks for."""

from __future__ import annotations

from pathlib import Path

from trading_platform.adapters.candle_files.csv_file import CsvFormat
from trading_platform.adapters.candle_files.parquet_file import ParquetFormat
from trading_platform.domain.errors import FixSettings
from trading_platform.ports.candle_files import CandleFileFormat


def format_of(path: Path) -> CandleFileFormat:
    """The format that the name's ending stands for.

    Raises
    ------
    FixSettings
        If it is none of ours.
    """
    if path.name.endswith(".parquet"):
        return ParquetFormat()
    if path.name.endswith((".csv", ".csv.gz")):
        return CsvFormat()
    raise FixSettings(f"{path.name}: name a file that ends in .parquet, .csv or .csv.gz")
