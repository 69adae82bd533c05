"""The quotes of a real venue, as a market to trade on paper in.

There is no path and nothing is made up: a moment is a quote as it came in. Orders match against
the newest quote and, while they rest, against each one that follows; without a fresh quote no
order is taken.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from decimal import Decimal

import structlog

from trading_platform.simulator.config import LiveMarketConfig
from trading_platform.simulator.errors import market_is_closed, service_unavailable
from trading_platform.simulator.market import Tick
from trading_platform.simulator.model import PublicTrade, Quote, SymbolRules
from trading_platform.simulator.numbers import floor_to
from trading_platform.simulator.symbol_rules import rules_for

log = structlog.get_logger(__name__)

_KEPT_QUOTES = 4096
_STOP_SECONDS = 5.0


class LiveMarket:
    """A `Market` fed by a thread that polls ``config.fetch_quotes``.

    Parameters
    ----------
    wall_ms
        The wall clock, by which a quote's age is judged.
    """

    interval_ms = 60_000

    def __init__(self, config: LiveMarketConfig, wall_ms: Callable[[], int]) -> None:
        given = {rules.symbol: rules for rules in config.rules}
        self._config = config
        self._wall_ms = wall_ms
        self._rules = {s: given.get(s) or rules_for(s) for s in config.symbols}
        self._ticks: dict[str, deque[Tick]] = {s: deque(maxlen=_KEPT_QUOTES) for s in config.symbols}
        self._quotes: dict[str, Quote] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="quotes", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    @property
    def symbols(self) -> tuple[SymbolRules, ...]:
        return tuple(self._rules.values())

    def add(self, quote: Quote) -> None:
        """Take in a quote; one that says what the last one said isn't a new moment."""
        with self._lock:
            if quote.symbol not in self._rules or quote == self._quotes.get(quote.symbol):
                return
            self._quotes[quote.symbol] = quote
            ticks = self._ticks[quote.symbol]
            now_ms = self._wall_ms()
            number = max(now_ms, ticks[-1].number + 1) if ticks else now_ms
            ticks.append(self._tick(quote, number, now_ms))

    def tick(self, symbol: str, now_ms: int) -> Tick:  # noqa: ARG002
        with self._lock:
            if not self._ticks[symbol]:
                raise service_unavailable(f"No quote of {symbol} has come in yet.")
            return self._ticks[symbol][-1]

    def number_at(self, symbol: str, now_ms: int) -> int:  # noqa: ARG002
        with self._lock:
            return self._ticks[symbol][-1].number if self._ticks[symbol] else -1

    def next_tick(
        self, symbol: str, after: int, until_ms: int, below: Decimal | None, above: Decimal | None
    ) -> Tick | None:
        with self._lock:
            for tick in self._ticks[symbol]:
                if tick.number <= after or tick.time_ms > until_ms:
                    continue
                if (below is not None and tick.price <= below) or (above is not None and tick.price >= above):
                    return tick
        return None

    def require_open(self, symbol: str, now_ms: int) -> None:  # noqa: ARG002
        """Closed without a quote young enough by the wall clock."""
        with self._lock:
            quote = self._quotes.get(symbol)
        oldest_ms = self._wall_ms() - int(1000 * self._config.max_quote_age_seconds)
        if quote is None or quote.time_ms < oldest_ms:
            raise market_is_closed()

    def average_price(self, symbol: str, now_ms: int) -> Decimal:
        return self.tick(symbol, now_ms).price

    def trades(self, symbol: str, first: int, last_ms: int, limit: int) -> list[PublicTrade]:  # noqa: ARG002
        """The venue's trades aren't known here."""
        return []

    def _tick(self, quote: Quote, number: int, now_ms: int) -> Tick:
        """The last price counts as far as the book confirms it."""
        rules = self._rules[quote.symbol]
        price = min(max(quote.last, quote.bid), quote.ask)
        depth = floor_to(self._config.depth_notional / price, rules.step_size)
        return Tick(number, now_ms, price, quote.bid, quote.ask, depth, max(depth, rules.step_size))

    def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                for quote in self._config.fetch_quotes(tuple(self._rules)):
                    self.add(quote)
            except Exception as error:  # noqa: BLE001 - whatever fails, quotes age and orders are refused
                log.warning("quotes_not_fetched", venue=self._config.venue, error=type(error).__name__)
            self._stop.wait(self._config.poll_seconds)
