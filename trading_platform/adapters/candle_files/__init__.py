"""Files of candles: CSV in the archive's own layout, Parquet with exact decimals, and how far an import came."""

from trading_platform.adapters.candle_files.csv_file import CsvFormat
from trading_platform.adapters.candle_files.formats import format_of
from trading_platform.adapters.candle_files.import_progress import JsonImportProgress
from trading_platform.adapters.candle_files.parquet_file import ParquetFormat

__all__ = ["CsvFormat", "JsonImportProgress", "ParquetFormat", "format_of"]
