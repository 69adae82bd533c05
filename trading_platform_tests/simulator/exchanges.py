"""A small exchange for tests: a wall clock that's set by hand, few candles, one account."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading_platform.simulator.build import build_exchange
from trading_platform.simulator.config import AccountConfig, SimulatorConfig, SyntheticMarketConfig
from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.model import OrderRequest, OrderType, PlacedOrder, Side, TimeInForce

START_MS = 1_760_000_010_000
MINUTE_MS = 60_000
ACCOUNT = "paper"
BTC = "BTCUSDT"
MARKET = SyntheticMarketConfig(seed=3, history_candles=1500)
FUNDS = {"USDT": Decimal(10_000), "BTC": Decimal("0.5"), "ETH": Decimal(3)}


class WallClock:
    """A wall clock that moves only when told."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def move(self, ms: int) -> None:
        self.now_ms += ms


def config_at(path: Path, **changes: Any) -> SimulatorConfig:
    """Configuration of the test exchange."""
    account = AccountConfig(ACCOUNT, "key", "secret", changes.pop("balances", FUNDS))
    return SimulatorConfig(path / "books.sqlite", **{"market": MARKET, "accounts": (account,), **changes})


def open_exchange(path: Path, wall: Callable[[], int], **changes: Any) -> Exchange:
    """The test exchange, over books that a former one may have left."""
    return build_exchange(config_at(path, **changes), wall)


def near(price: Decimal, factor: str, tick: str = "0.01") -> Decimal:
    """A price times a factor, on the tick's grid."""
    return (price * Decimal(factor)).quantize(Decimal(tick))


def order(side: str, kind: str, symbol: str = BTC, **values: Any) -> OrderRequest:
    """A request; numbers may be given as text."""
    names = {"quantity", "quote_quantity", "price", "stop_price"}
    given: dict[str, Any] = {k: Decimal(str(v)) if k in names and v is not None else v for k, v in values.items()}
    if kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
        given.setdefault("time_in_force", TimeInForce.GTC)
    return OrderRequest(symbol, Side(side), OrderType(kind), **given)


def place(exchange: Exchange, side: str, kind: str, symbol: str = BTC, **values: Any) -> PlacedOrder:
    """Place a request on the test account."""
    return exchange.place_order(ACCOUNT, order(side, kind, symbol, **values))


def balance(exchange: Exchange, asset: str) -> tuple[Decimal | int, Decimal | int]:
    """Free and locked amount of the test account."""
    for found in exchange.account_state(ACCOUNT).balances:
        if found.asset == asset:
            return found.free, found.locked
    return Decimal(0), Decimal(0)
