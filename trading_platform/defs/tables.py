"""Metadata as tables that read well in the UI."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg

from trading_platform.domain.instrument import plain


def as_table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows with the same keys as a table; values become text."""
    columns = list(rows[0]) if rows else ["nothing"]
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: _text(row[name]) for name in columns}) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in columns]),
    )


def link_to_asset(name: str) -> dg.UrlMetadataValue:
    """A link to another asset's page in the same UI."""
    return dg.MetadataValue.url(f"/assets/{name}")


def age(moment: datetime, now: datetime) -> str:
    """How long ago, as a trader reads it: '42 s', '3 min 20 s', '2 h 5 min'."""
    elapsed = now - moment
    sign = "-" if elapsed < timedelta(0) else ""
    seconds = int(abs(elapsed).total_seconds())
    if seconds < 60:
        return f"{sign}{seconds} s"
    if seconds < 3600:
        return f"{sign}{seconds // 60} min {seconds % 60} s"
    return f"{sign}{seconds // 3600} h {seconds % 3600 // 60} min"


def utc(moment: datetime | None) -> str:
    """A moment as it stands in tables."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "—"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, Decimal):
        return plain(value)
    return f"{value:.8g}" if isinstance(value, float) else str(value)
