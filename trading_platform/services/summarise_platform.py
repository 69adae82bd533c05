"""What the owner wants to see at a glance: data, signals, orders, positions, money, trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from trading_platform.domain.candle import Interval
from trading_platform.domain.check import Incident
from trading_platform.domain.circuit import Circuit, current
from trading_platform.domain.errors import PlatformError
from trading_platform.domain.freshness import Freshness
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order
from trading_platform.domain.position import Position
from trading_platform.domain.signal import Signal
from trading_platform.domain.stream import StreamStatus
from trading_platform.domain.venue_time import VenueTime
from trading_platform.ports.circuit_journal import CircuitJournal
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.ledger import AccountState, Decision, EquityPoint, Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.ports.stream_journal import StreamJournal
from trading_platform.services.check_market_data import assess_freshness
from trading_platform.services.guard import ShownGuard, shown_guards
from trading_platform.services.value_account import value_account

ROWS = 6
DECISIONS = 4 * ROWS  # a signal that is put off has several


@dataclass(frozen=True)
class Summary:
    """One look at the platform's books.

    Parameters
    ----------
    freshness, prices, equity
        Empty and None while the store of market data is silent.
    market_trouble
        Why it is; empty when it answers.
    price_sources
        Per symbol, whether its newest price came from the stream or from REST.
    streams
        Per symbol; None if the platform does without streams.
    max_heartbeat_age_seconds
        A stream's state whose heartbeat is older says nothing.
    circuits
        Which of the venue's endpoints each process asks, or leaves alone; those of processes long gone are left out.
    guards
        Stop and target per symbol, and whether they rest at the venue.
    stops_buying
        What keeps the account from buying: a halt, balances that differ, live trading that isn't armed.
    """

    time: VenueTime
    freshness: Sequence[Freshness]
    prices: dict[str, Decimal]
    signals: Sequence[Signal]
    decisions: Sequence[Decision]
    orders: Sequence[Order]
    positions: Sequence[Position]
    account: AccountState
    equity: EquityPoint | None
    incidents: Sequence[Incident]
    price_sources: Mapping[str, str] = field(default_factory=dict)
    streams: Mapping[str, StreamStatus] | None = None
    max_heartbeat_age_seconds: float = 10.0
    circuits: Sequence[Circuit] = ()
    guards: Mapping[str, ShownGuard] = field(default_factory=dict)
    stops_buying: Sequence[str] = ()
    market_trouble: str = ""


@dataclass(frozen=True)
class _Market:
    """What a look takes from the store of market data."""

    tickers: Mapping[str, Ticker] = field(default_factory=dict)
    freshness: Sequence[Freshness] = ()
    equity: EquityPoint | None = None
    trouble: str = ""


def summarise(
    ledger: Ledger,
    store: SeriesStore,
    journal: HealthJournal,
    clock: Clock,
    account: str,
    symbols: Sequence[str],
    intervals: Sequence[Interval],
    limit_seconds: float,
    streams: StreamJournal | None = None,
    max_heartbeat_age_seconds: float = 10.0,
    circuits: CircuitJournal | None = None,
    stops_buying: Sequence[str] = (),
) -> Summary:
    """Read everything at once.

    Money and trouble are shown though the market data is elsewhere and can't be reached: that is when they matter.

    Parameters
    ----------
    streams
        None if the platform does without.
    circuits
        None if nobody notes them.

    Raises
    ------
    RetryLater
        While the ledger or the clock can't be reached.
    """
    known = None if streams is None else streams.statuses()
    time = clock.read()
    noted = [] if circuits is None else circuits.circuits()
    try:
        market = _Market(
            store.tickers(symbols),
            assess_freshness(store, clock, symbols, intervals, limit_seconds),
            value_account(ledger, store, clock, account),
        )
    except PlatformError as silence:
        market = _Market(trouble=str(silence))
    return Summary(
        time=time,
        freshness=market.freshness,
        prices={symbol: ticker.last for symbol, ticker in market.tickers.items()},
        signals=ledger.recent_signals(account, ROWS),
        decisions=ledger.recent_decisions(account, DECISIONS),
        orders=ledger.recent_orders(account, ROWS),
        positions=ledger.open_positions(account),
        account=ledger.account(account),
        equity=market.equity,
        incidents=journal.open_incidents(),
        price_sources={symbol: ticker.source for symbol, ticker in market.tickers.items()},
        streams=None if known is None else {symbol: known[symbol] for symbol in symbols if symbol in known},
        max_heartbeat_age_seconds=max_heartbeat_age_seconds,
        circuits=current(noted, time.wall),
        guards=shown_guards(ledger, account),
        stops_buying=stops_buying,
        market_trouble=market.trouble,
    )
