"""Whether the ledger and the exchange tell the same story of an account, to the last digit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg2.extensions

from trading_platform.domain.order import OrderStatus
from trading_platform.simulator.exchange import Exchange
from trading_platform_tests.support.venue_history import every_order, every_trade, told_orders, told_trades

STATUS_OF = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
}
_NEVER_PLACED = (OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.CANCELLED)


@dataclass(frozen=True)
class KnownOrder:
    """An order as the exchange has it."""

    order_id: str
    client_order_id: str
    status: str
    executed_quantity: Decimal

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True)
class KnownTrade:
    """A fill as the exchange has it."""

    trade_id: str
    order_id: str
    symbol: str
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str


@dataclass(frozen=True)
class ExchangeBooks:
    """Everything that the exchange knows of one account.

    Parameters
    ----------
    balances
        Free and locked, by asset.
    smallest
        Of each symbol: its base asset, its lot and its minimum notional.
    unbalanced
        Assets of which the exchange's own books don't add up.
    """

    balances: Mapping[str, tuple[Decimal, Decimal]]
    orders: Sequence[KnownOrder]
    trades: Sequence[KnownTrade]
    smallest: Mapping[str, tuple[str, Decimal, Decimal]]
    unbalanced: Sequence[str] = ()

    @classmethod
    def of(cls, exchange: Exchange, account: str) -> ExchangeBooks:
        """Read on the exchange's own thread."""
        rules = exchange.symbols()
        return cls(
            {each.asset: (each.free, each.locked) for each in exchange.account_state(account).balances},
            [
                KnownOrder(str(order.order_id), order.client_order_id, str(order.status), order.executed_quantity)
                for each in rules
                for order in every_order(exchange, account, each.symbol)
            ],
            [
                KnownTrade(
                    str(trade.trade_id),
                    str(trade.order_id),
                    trade.symbol,
                    trade.price,
                    trade.quantity,
                    trade.commission,
                    trade.commission_asset,
                )
                for each in rules
                for trade in every_trade(exchange, account, each.symbol)
            ],
            {each.symbol: (each.base_asset, each.step_size, each.min_notional) for each in rules},
            [each.asset for each in exchange.totals() if each.accounts + each.venue + each.fees != each.deposits],
        )

    @classmethod
    def asked(cls, client: Any, symbols: Sequence[str]) -> ExchangeBooks:
        """Asked over HTTP.

        Parameters
        ----------
        client
            One of ccxt, of Binance, that may see the account.
        """
        client.load_markets()
        rules = {}
        for symbol in symbols:
            market = client.market(symbol)
            filters = {each["filterType"]: each for each in market["info"]["filters"]}
            lot, notional = filters["LOT_SIZE"]["stepSize"], filters["NOTIONAL"]["minNotional"]
            rules[market["id"]] = (market["base"], Decimal(lot), Decimal(notional))
        return cls(
            {
                each["asset"]: (Decimal(each["free"]), Decimal(each["locked"]))
                for each in client.privateGetAccount()["balances"]
            },
            [
                KnownOrder(
                    str(order["orderId"]), order["clientOrderId"], order["status"], Decimal(order["executedQty"])
                )
                for name in rules
                for order in told_orders(client, name)
            ],
            [
                KnownTrade(
                    str(trade["id"]),
                    str(trade["orderId"]),
                    name,
                    Decimal(trade["price"]),
                    Decimal(trade["qty"]),
                    Decimal(trade["commission"]),
                    trade["commissionAsset"],
                )
                for name in rules
                for trade in told_trades(client, name)
            ],
            rules,
        )


class Comparison:
    """Both books of one account, at a moment when nothing is on its way between them."""

    def __init__(self, database: psycopg2.extensions.connection, account: str, exchange: ExchangeBooks) -> None:
        self._database, self._account, self._exchange = database, account, exchange
        self._orders = {
            client_order_id: (OrderStatus(status), filled)
            for client_order_id, status, filled in self._rows(
                "SELECT client_order_id, status, filled_quantity FROM orders WHERE account = %s"
            )
        }

    def differences(self) -> list[str]:
        """What doesn't agree; nothing if the books are one."""
        return [
            *self._sent_twice(),
            *self._orders_differ(),
            *self._fills_differ(),
            *self._balances_differ(),
            *self._reservations_differ(),
            *self._positions_differ(),
            *self._histories_differ(),
        ]

    def unguarded(self) -> list[str]:
        """Positions that no order at the exchange would sell; remains too small to be sold aside."""
        prices = {trade.symbol: trade.price for trade in self._exchange.trades}
        told = []
        for symbol, quantity in self._positions().items():
            base, lot, notional = self._exchange.smallest[symbol]
            _, locked = self._exchange.balances.get(base, (Decimal(0), Decimal(0)))
            bare = quantity - locked
            if bare >= lot and bare * prices[symbol] >= notional:
                told.append(f"{symbol}: {bare:f} of {quantity:f} stand under no stop")
        return told

    def leftovers(self) -> list[str]:
        """What is still open or reserved; nothing once everything was sold."""
        open_at_exchange = [order.client_order_id for order in self._exchange.orders if order.is_open]
        reserved = {asset: amount for asset, (_, amount) in self._ledger_balances().items() if amount}
        held = self._rows("SELECT symbol, quantity FROM positions WHERE account = %s AND closed_at IS NULL")
        found = {
            "orders still open in the ledger": [
                name for name, (status, _) in self._orders.items() if not status.is_final
            ],
            "orders still open at the exchange": open_at_exchange,
            "still reserved": reserved,
            "positions still open": held,
        }
        return [f"{what}: {which}" for what, which in found.items() if which]

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._database.cursor() as cursor:
            cursor.execute(statement, (self._account,))
            return cursor.fetchall()

    def _sent_twice(self) -> Iterator[str]:
        sent = Counter(order.client_order_id for order in self._exchange.orders)
        yield from (f"{name} was accepted {times} times" for name, times in sent.items() if times > 1)
        legs = self._rows(
            "SELECT signal_id, leg, count(*) FROM orders WHERE account = %s GROUP BY 1, 2 HAVING count(*) > 1"
        )
        yield from (f"the {leg} of signal {name} has {times} orders" for name, leg, times in legs)

    def _orders_differ(self) -> Iterator[str]:
        placed = {order.client_order_id: order for order in self._exchange.orders}
        for name in placed.keys() - self._orders.keys():
            yield f"orphan: the exchange has {name}, the ledger doesn't"
        for name, (status, filled) in self._orders.items():
            known = placed.get(name)
            if known is None:
                if filled or status not in _NEVER_PLACED:
                    yield f"{name} is {status} with {filled} filled, and the exchange never had it"
            elif (status, filled) != (STATUS_OF[known.status], known.executed_quantity):
                yield (
                    f"{name} is {status} with {filled} filled, but {known.status} with {known.executed_quantity} "
                    "filled at the exchange"
                )

    def _fills_differ(self) -> Iterator[str]:
        booked = self._rows(
            "SELECT client_order_id, venue_trade_id, price, quantity, fee, fee_asset FROM fills WHERE account = %s"
        )
        name_of = {order.order_id: order.client_order_id for order in self._exchange.orders}
        traded = [
            (
                name_of.get(trade.order_id, f"order {trade.order_id}, which the exchange doesn't have"),
                trade.trade_id,
                trade.price,
                trade.quantity,
                trade.commission,
                trade.commission_asset,
            )
            for trade in self._exchange.trades
        ]
        ledger, exchange = Counter(booked), Counter(traded)
        yield from (f"fill only in the ledger: {fill}" for fill in ledger - exchange)
        yield from (f"fill only at the exchange: {fill}" for fill in exchange - ledger)

    def _ledger_balances(self) -> Mapping[str, tuple[Decimal, Decimal]]:
        rows = self._rows("SELECT asset, total, reserved FROM balances WHERE account = %s")
        return {asset: (total, reserved) for asset, total, reserved in rows if total or reserved}

    def _balances_differ(self) -> Iterator[str]:
        exchange = {
            asset: (free + locked, locked)
            for asset, (free, locked) in self._exchange.balances.items()
            if free or locked
        }
        ledger = self._ledger_balances()
        for asset in sorted(exchange.keys() | ledger.keys()):
            if ledger.get(asset) != exchange.get(asset):
                yield f"{asset} (total, bound): ledger {ledger.get(asset)}, exchange {exchange.get(asset)}"
        missing = self._rows("SELECT asset, missing, cause FROM balance_changes WHERE account = %s AND missing <> 0")
        yield from (f"the ledger missed {amount} {asset} at a {cause}" for asset, amount, cause in missing)
        for asset in self._exchange.unbalanced:
            yield f"the exchange's own books of {asset} don't balance"

    def _reservations_differ(self) -> Iterator[str]:
        held: dict[str, Decimal] = defaultdict(Decimal)
        rows = self._rows("SELECT client_order_id, asset, remaining, state FROM reservations WHERE account = %s")
        for name, asset, remaining, state in rows:
            held[asset] += remaining
            is_final = self._orders[name][0].is_final
            if is_final and (remaining or state == "active"):
                yield f"{name} is done, but {remaining} {asset} of its reservation are {state}"
        for asset, (_, reserved) in self._ledger_balances().items():
            if held[asset] != reserved:
                yield f"{reserved} {asset} are reserved, the reservations say {held[asset]}"

    def _positions_differ(self) -> Iterator[str]:
        """What is held belongs to an open position, but for remains too small to be sold."""
        positions = self._positions()
        totals = {asset: total for asset, (total, _) in self._ledger_balances().items()}
        prices = {trade.symbol: trade.price for trade in self._exchange.trades}
        for symbol, (base, lot, notional) in self._exchange.smallest.items():
            quantity = positions.get(symbol, Decimal(0))
            unclaimed = totals.get(base, Decimal(0)) - quantity
            is_dust = unclaimed < lot or unclaimed * prices[symbol] < notional
            if unclaimed < 0 or not is_dust:
                yield f"{symbol}: positions of {quantity}, {unclaimed} of the balance beside them"

    def _positions(self) -> dict[str, Decimal]:
        rows = self._rows(
            "SELECT symbol, sum(quantity) FROM positions WHERE account = %s AND closed_at IS NULL GROUP BY symbol"
        )
        return {symbol.replace("/", ""): quantity for symbol, quantity in rows}

    def _histories_differ(self) -> Iterator[str]:
        newest = self._rows(
            "SELECT DISTINCT ON (client_order_id) client_order_id, event.status FROM order_events event"
            " JOIN orders USING (client_order_id) WHERE account = %s ORDER BY client_order_id, event_id DESC"
        )
        told = {name: OrderStatus(status) for name, status in newest}
        for name, (status, _) in self._orders.items():
            if told.get(name) is not status:
                yield f"{name} is {status}, its last event says {told.get(name)}"
