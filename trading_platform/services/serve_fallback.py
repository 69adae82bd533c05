"""Prices from the streams where they live, from REST where they don't; the switch is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from trading_platform.domain.market import Ticker
from trading_platform.domain.stream import StreamState, StreamStatus
from trading_platform.ports.clock import Clock
from trading_platform.ports.market_feed import MarketFeed
from trading_platform.ports.series_store import SeriesStore
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform.services.refresh_market import refresh_tickers
from trading_platform.services.stream_buffer import SOURCE
from trading_platform.settings import StreamSettings

log = structlog.get_logger()


@dataclass(frozen=True)
class ServedTickers:
    """Prices of a tick.

    Parameters
    ----------
    asked_rest
        Why REST was asked, in plain words; empty when the streams served everything.
    """

    tickers: Sequence[Ticker]
    asked_rest: str


def serve_tickers(
    feed: MarketFeed,
    store: SeriesStore,
    streams: StreamJournal,
    clock: Clock,
    symbols: Sequence[str],
    settings: StreamSettings,
) -> ServedTickers:
    """Use what the streams have stored, if all of it is young and every stream lives; otherwise ask REST once for all.

    A symbol whose stream doesn't live is marked FALLBACK; the stream process marks it LIVE when data flows again.

    Raises
    ------
    RetryLater
        If the store doesn't answer, or REST was needed and doesn't.
    """
    wall = clock.wall()
    statuses = streams.statuses()
    silent = {
        symbol: why for symbol in symbols if (why := _why_silent(statuses.get(symbol), wall, settings)) is not None
    }
    known = store.tickers(symbols)
    old = [symbol for symbol in symbols if not _is_young(known.get(symbol), wall, settings.max_ticker_age_seconds)]
    if not silent and not old:
        return ServedTickers([known[symbol] for symbol in symbols], "")
    tickers = refresh_tickers(feed, store, clock, symbols)
    served = {symbol: f"served by REST since {wall:%H:%M:%S}: {why}" for symbol, why in silent.items()}
    for symbol in streams.mark_fallback(served, wall, settings.max_heartbeat_age_seconds):
        log.info(
            "stream_state",
            symbol=symbol,
            before=statuses[symbol].state if symbol in statuses else None,
            after=StreamState.FALLBACK,
            reason=served[symbol],
        )
    return ServedTickers(tickers, _summary(silent, old, settings))


def _why_silent(status: StreamStatus | None, wall: datetime, settings: StreamSettings) -> str | None:
    """Why the symbol's stream can't be relied on; None if it lives. One that is being connected doesn't, however young
    its last price is: nobody knows when the next one comes.
    """
    if status is None:
        return "its stream hasn't reported yet"
    if not status.reports(wall, settings.max_heartbeat_age_seconds):
        return f"the stream process hasn't reported since {status.heartbeat_at:%H:%M:%S}"
    return None if status.state is StreamState.LIVE else status.reason


def _is_young(ticker: Ticker | None, wall: datetime, limit_seconds: float) -> bool:
    return ticker is not None and ticker.source == SOURCE and ticker.age_seconds(wall) <= limit_seconds


def _summary(silent: Mapping[str, str], old: Sequence[str], settings: StreamSettings) -> str:
    if silent:
        return "; ".join(f"{symbol}: {why}" for symbol, why in silent.items())
    return f"no price of the stream younger than {settings.max_ticker_age_seconds:.0f} s of {', '.join(old)}"
