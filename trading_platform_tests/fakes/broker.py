"""A venue in memory that fills orders at given prices, and misbehaves when it is told to."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count

from trading_platform.domain.arming import KeyPermissions
from trading_platform.domain.errors import (
    AskTheVenue,
    MarketClosed,
    OrderNotKnown,
    OrderRejected,
    RetryLater,
    SymbolNotTraded,
)
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import (
    Fill,
    OrderKind,
    OrderListRequest,
    OrderReport,
    OrderRequest,
    OrderStatus,
    Side,
)
from trading_platform.domain.transfer import VenueTransfer
from trading_platform.ports.broker import OpenOrder, VenueBalance
from trading_platform.ports.clock import Clock

ZERO = Decimal(0)


@dataclass(frozen=True)
class Misbehaviour:
    """What the venue does with one order instead of filling and confirming it.

    Parameters
    ----------
    not_placed
        RetryLater: the request certainly had no effect.
    reject_code
        Refused with that code.
    lose_answer
        AskTheVenue, whatever became of the order.
    never_arrives
        Together with `lose_answer`: the request was lost on the way there.
    arrives_after_questions
        Together with `lose_answer`: the order is accepted only after having been asked for that often.
    fill_share
        Share of the quantity that fills at once (on the lot grid); the rest waits for `fill_rest`.
    rest_expires
        What doesn't fill at once doesn't wait: the order has expired, as a market order without counterparts.
    """

    not_placed: bool = False
    reject_code: str | None = None
    lose_answer: bool = False
    never_arrives: bool = False
    arrives_after_questions: int = 0
    fill_share: Decimal = Decimal(1)
    rest_expires: bool = False


@dataclass
class _VenueOrder:
    request: OrderRequest
    venue_order_id: str
    questions_until_known: int
    fills: list[Fill] = field(default_factory=list)
    is_cancelled: bool = False
    list_id: str | None = None
    other: _VenueOrder | None = None
    is_expired: bool = False

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def status(self) -> OrderStatus:
        if self.filled == self.request.quantity:
            return OrderStatus.FILLED
        if self.is_cancelled:
            return OrderStatus.CANCELLED
        if self.is_expired:
            return OrderStatus.EXPIRED
        return OrderStatus.PARTIALLY_FILLED if self.fills else OrderStatus.OPEN

    def report(self) -> OrderReport:
        return OrderReport(
            client_order_id=self.request.client_order_id,
            symbol=self.request.symbol,
            venue_order_id=self.venue_order_id,
            status=self.status,
            filled_quantity=self.filled,
            fills=tuple(self.fills),
        )


class FakeBroker:
    """Fills the role `Broker`; fees are taken from what is received, as on Binance.

    Parameters
    ----------
    prices
        Price at which orders fill, by symbol; a test may change it.
    fee_asset
        Pays the fees instead, at a price of one quote (like BNB); None: what is received pays.
    """

    def __init__(
        self,
        clock: Clock,
        instruments: Sequence[Instrument],
        balances: Mapping[str, Decimal],
        prices: Mapping[str, Decimal],
        fee_asset: str | None = None,
    ) -> None:
        self._clock = clock
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._totals: dict[str, Decimal] = defaultdict(Decimal, balances)
        self._orders: dict[str, _VenueOrder] = {}
        self._misbehaviours: deque[Misbehaviour] = deque()
        self._at_cancels: deque[Misbehaviour] = deque()
        self._numbers = count(1)
        self._fee_asset = fee_asset
        self.prices = dict(prices)
        self.requests: list[OrderRequest] = []
        self.is_silent = False
        self.closed: set[str] = set()
        self.lists_transfers = True
        self.permissions = KeyPermissions(can_trade=True, can_withdraw=False, is_bound_to_addresses=True)
        self._transfers: list[VenueTransfer] = []

    def misbehave(self, *misbehaviours: Misbehaviour) -> None:
        """What to do with the next orders, one each."""
        self._misbehaviours.extend(misbehaviours)

    def misbehave_at_cancels(self, *misbehaviours: Misbehaviour) -> None:
        """What to do with the next cancels, one each."""
        self._at_cancels.extend(misbehaviours)

    def trade_at(self, symbol: str, price: Decimal) -> None:
        """Move the price; limit orders that it reaches fill at their own, stops at the price."""
        self.prices[symbol] = price
        for order in self._orders.values():
            if order.request.symbol == symbol and not order.status.is_final and self._is_reached(order.request):
                self._fill(order, order.request.quantity - order.filled)

    def fill_part(self, client_order_id: str, quantity: Decimal) -> None:
        """Fill so much of an open order, at its price."""
        self._fill(self._orders[client_order_id], quantity)

    def forget(self, *client_order_ids: str) -> None:
        """Know nothing of these orders any more."""
        for client_order_id in client_order_ids:
            del self._orders[client_order_id]

    def fill_rest(self, client_order_id: str) -> None:
        """Fill what is left of an open order."""
        order = self._orders[client_order_id]
        self._fill(order, order.request.quantity - order.filled)

    def deposit(self, **amounts: Decimal) -> None:
        """Money that comes (or, negative, goes) without an order, by asset; the venue lists it."""
        self.move(**amounts)
        for asset, amount in amounts.items():
            self._transfers.append(VenueTransfer(f"t{next(self._numbers)}", asset, amount, self._clock.read().now))

    def move(self, **amounts: Decimal) -> None:
        """The same without a trace at the venue."""
        for asset, amount in amounts.items():
            self._totals[asset] += amount

    def trade_by_hand(self, request: OrderRequest) -> None:
        """An order of the owner's own, sent past the platform."""
        self._accept((request,), None, Misbehaviour())

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """The rules per symbol."""
        self._answer()
        unknown = [symbol for symbol in symbols if symbol not in self._instruments]
        if unknown:
            raise SymbolNotTraded(f"the venue doesn't trade {', '.join(unknown)}; market.symbols mustn't name it")
        return {symbol: self._instruments[symbol] for symbol in symbols}

    def is_trading(self, symbol: str) -> bool:
        """Whether its market isn't closed."""
        self.instruments([symbol])
        return symbol not in self.closed

    def balances(self) -> Mapping[str, VenueBalance]:
        """Totals per asset, and what orders that rest have locked of them."""
        self._answer()
        return self._held()

    def _held(self) -> dict[str, VenueBalance]:
        locked: dict[str, Decimal] = defaultdict(Decimal)
        for order in self._orders.values():
            if not order.status.is_final and not _is_covered_by_its_stop(order):
                asset, amount = self._needs(order.request, order.request.quantity - order.filled)
                locked[asset] += amount
        return {
            asset: VenueBalance(total - locked[asset], locked[asset]) for asset, total in self._totals.items() if total
        }

    def transfers(self) -> Sequence[VenueTransfer] | None:
        """What came and went; None if the venue is told to list nothing."""
        self._answer()
        return list(self._transfers) if self.lists_transfers else None

    def trades(self, symbol: str, since: datetime) -> Sequence[tuple[Side, Fill]]:
        """The account's own trades."""
        self._answer()
        made = [
            (order.request.side, fill)
            for order in self._orders.values()
            for fill in order.fills
            if order.request.symbol == symbol and fill.time >= since
        ]
        return sorted(made, key=lambda each: each[1].time)

    def key_permissions(self) -> KeyPermissions:
        """What the key may do."""
        self._answer()
        return self.permissions

    def submit(self, request: OrderRequest) -> OrderReport:
        """Fill it, or let it rest until its price comes, unless told otherwise."""
        [report] = self._take((request,), None)
        return report

    def submit_list(self, request: OrderListRequest) -> Sequence[OrderReport]:
        """Let both rest until the price of one comes, unless told otherwise."""
        return self._take((request.stop, request.target), request.list_id)

    def _take(self, requests: Sequence[OrderRequest], list_id: str | None) -> list[OrderReport]:
        self._answer()
        self.requests.extend(requests)
        told = self._misbehaviours.popleft() if self._misbehaviours else Misbehaviour()
        if told.not_placed:
            raise RetryLater("the venue couldn't be reached")
        if not self.closed.isdisjoint(request.symbol for request in requests):
            raise MarketClosed("Market is closed.", "-2010")
        if told.reject_code is not None:
            raise OrderRejected(f"refused with {told.reject_code}", told.reject_code)
        if not told.never_arrives:
            self._accept(requests, list_id, told)
        if told.lose_answer:
            raise AskTheVenue(f"the answer to {requests[0].client_order_id} was lost")
        return [self._orders[request.client_order_id].report() for request in requests]

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        """The order with its fills."""
        self._answer()
        order = self._orders.get(client_order_id)
        if order is None or order.request.symbol != symbol:
            raise OrderNotKnown(f"no order {client_order_id} in {symbol}")
        if order.questions_until_known > 0:
            order.questions_until_known -= 1
            raise OrderNotKnown(f"no order {client_order_id} in {symbol}")
        return order.report()

    def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel what is left, of its list too."""
        return self._cancel(symbol, [client_order_id])[0]

    def cancel_list(self, symbol: str, list_id: str, client_order_ids: Sequence[str]) -> Sequence[OrderReport]:
        """Cancel what is left of the list."""
        members = {order.request.client_order_id for order in self._orders.values() if order.list_id == list_id}
        if not members.issuperset(client_order_ids):
            raise OrderNotKnown(f"no list {list_id} in {symbol}")
        return self._cancel(symbol, client_order_ids)

    def open_orders(self, symbols: Sequence[str]) -> Sequence[OpenOrder]:
        """All that lies open."""
        self._answer()
        late = [order for order in self._orders.values() if order.questions_until_known]
        for order in late:
            order.questions_until_known -= 1
        return [
            OpenOrder(o.request.client_order_id, o.request.symbol, o.request.side, o.filled)
            for o in self._orders.values()
            if o.request.symbol in symbols and not o.status.is_final and o not in late
        ]

    def _cancel(self, symbol: str, client_order_ids: Sequence[str]) -> list[OrderReport]:
        if all(self.find(symbol, client_order_id).status.is_final for client_order_id in client_order_ids):
            raise OrderNotKnown(f"no open order {client_order_ids[0]} in {symbol}")
        told = self._at_cancels.popleft() if self._at_cancels else Misbehaviour()
        if told.not_placed:
            raise RetryLater("the venue couldn't be reached")
        orders = [self._orders[client_order_id] for client_order_id in client_order_ids]
        if not told.never_arrives:
            for order in [*orders, *(order.other for order in orders if order.other)]:
                order.is_cancelled = order.is_cancelled or not order.status.is_final
        if told.lose_answer:
            raise AskTheVenue(f"the answer to the cancel of {client_order_ids[0]} was lost")
        return [order.report() for order in orders]

    def _answer(self) -> None:
        if self.is_silent:
            raise RetryLater("the venue doesn't answer")

    def _accept(self, requests: Sequence[OrderRequest], list_id: str | None, told: Misbehaviour) -> None:
        for request in requests:
            self._check(request)
        spent, needed = self._needs(requests[0], requests[0].quantity)
        held = self._held().get(spent)
        if held is None or held.free < needed:
            raise OrderRejected("Account has insufficient balance for requested action.", "-2010")
        orders = [
            _VenueOrder(each, str(next(self._numbers)), told.arrives_after_questions, list_id=list_id)
            for each in requests
        ]
        if list_id is not None:
            orders[0].other, orders[1].other = orders[1], orders[0]
        for order in orders:
            self._orders[order.request.client_order_id] = order
            if not order.request.kind.is_protective and self._is_reached(order.request):
                instrument = self._instruments[order.request.symbol]
                self._fill(order, instrument.floor_quantity(order.request.quantity * told.fill_share))
                order.is_expired = told.rest_expires

    def _check(self, request: OrderRequest) -> None:
        instrument = self.instruments([request.symbol])[request.symbol]
        price = request.limit_price or request.stop_price or self.prices[request.symbol]
        if request.client_order_id in self._orders:
            raise OrderRejected("Duplicate order sent.", "-2010")
        if not instrument.is_tradable(request.quantity, price):
            raise OrderRejected("Filter failure: LOT_SIZE or NOTIONAL", "-1013")
        if request.kind.is_protective and self._is_reached(request):
            raise OrderRejected("Stop price would trigger immediately.", "-2010")

    def _needs(self, request: OrderRequest, quantity: Decimal) -> tuple[str, Decimal]:
        instrument = self._instruments[request.symbol]
        if request.side is Side.SELL:
            return instrument.base, quantity
        return instrument.quote, quantity * (request.limit_price or self.prices[request.symbol])

    def _is_reached(self, request: OrderRequest) -> bool:
        price = self.prices[request.symbol]
        if request.stop_price is not None:
            return price <= request.stop_price
        if request.limit_price is None:
            return True
        return price <= request.limit_price if request.side is Side.BUY else price >= request.limit_price

    def _fill(self, order: _VenueOrder, quantity: Decimal) -> None:
        if quantity == 0:
            return
        if order.other is not None and not order.other.status.is_final:
            order.other.is_expired = True
        request = order.request
        instrument, price = self._instruments[request.symbol], self.prices[request.symbol]
        if request.limit_price is not None and request.stop_price is None:
            price = request.limit_price
        buys = request.side is Side.BUY
        received, amount = (instrument.base, quantity) if buys else (instrument.quote, quantity * price)
        fee_asset = self._fee_asset or received
        worth = amount if fee_asset == received else quantity * price
        fill = Fill(
            venue_trade_id=str(next(self._numbers)),
            price=price,
            quantity=quantity,
            fee=worth * instrument.taker_fee_rate,
            fee_asset=fee_asset,
            time=self._clock.read().now,
        )
        sign = 1 if buys else -1
        self._totals[instrument.base] += sign * quantity
        self._totals[instrument.quote] -= sign * fill.quote_amount
        self._totals[fee_asset] -= fill.fee
        order.fills.append(fill)


def _is_covered_by_its_stop(order: _VenueOrder) -> bool:
    """The two orders of a list lock the same base."""
    is_target = order.request.kind is OrderKind.TAKE_PROFIT
    return is_target and order.other is not None and not order.other.status.is_final
