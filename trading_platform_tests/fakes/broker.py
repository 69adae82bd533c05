"""A venue in memory that fills orders at given prices, and misbehaves when it is told to."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count

from trading_platform.domain.arming import KeyPermissions
from trading_platform.domain.errors import AskTheVenue, FixSettings, OrderNotKnown, OrderRejected, RetryLater
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, OrderReport, OrderRequest, OrderStatus, Side
from trading_platform.domain.transfer import VenueTransfer
from trading_platform.ports.broker import VenueBalance
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
    """

    not_placed: bool = False
    reject_code: str | None = None
    lose_answer: bool = False
    never_arrives: bool = False
    arrives_after_questions: int = 0
    fill_share: Decimal = Decimal(1)


@dataclass
class _VenueOrder:
    request: OrderRequest
    venue_order_id: str
    questions_until_known: int
    fills: list[Fill] = field(default_factory=list)
    is_cancelled: bool = False

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def status(self) -> OrderStatus:
        if self.filled == self.request.quantity:
            return OrderStatus.FILLED
        if self.is_cancelled:
            return OrderStatus.CANCELLED
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
        self._numbers = count(1)
        self._fee_asset = fee_asset
        self.prices = dict(prices)
        self.requests: list[OrderRequest] = []
        self.is_silent = False
        self.lists_transfers = True
        self.permissions = KeyPermissions(can_trade=True, can_withdraw=False, is_bound_to_addresses=True)
        self._transfers: list[VenueTransfer] = []

    def misbehave(self, *misbehaviours: Misbehaviour) -> None:
        """What to do with the next orders, one each."""
        self._misbehaviours.extend(misbehaviours)

    def trade_at(self, symbol: str, price: Decimal) -> None:
        """Move the price; limit orders that it reaches fill at their own."""
        self.prices[symbol] = price
        for order in self._orders.values():
            if order.request.symbol == symbol and not order.status.is_final and self._is_reached(order.request):
                self._fill(order, order.request.quantity - order.filled)

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
        self._accept(request, Misbehaviour())

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """The rules per symbol."""
        self._answer()
        unknown = [symbol for symbol in symbols if symbol not in self._instruments]
        if unknown:
            raise FixSettings(f"the venue doesn't trade {', '.join(unknown)}; mend market.symbols")
        return {symbol: self._instruments[symbol] for symbol in symbols}

    def balances(self) -> Mapping[str, VenueBalance]:
        """Totals per asset, and what orders that rest have locked of them."""
        self._answer()
        return self._held()

    def _held(self) -> dict[str, VenueBalance]:
        locked: dict[str, Decimal] = defaultdict(Decimal)
        for order in self._orders.values():
            if not order.status.is_final:
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
        self._answer()
        self.requests.append(request)
        told = self._misbehaviours.popleft() if self._misbehaviours else Misbehaviour()
        if told.not_placed:
            raise RetryLater("the venue couldn't be reached")
        if told.reject_code is not None:
            raise OrderRejected(f"refused with {told.reject_code}", told.reject_code)
        if not told.never_arrives:
            self._accept(request, told)
        if told.lose_answer:
            raise AskTheVenue(f"the answer to {request.client_order_id} was lost")
        return self._orders[request.client_order_id].report()

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
        """Cancel what is left."""
        if self.find(symbol, client_order_id).status.is_final:
            raise OrderNotKnown(f"no open order {client_order_id} in {symbol}")
        order = self._orders[client_order_id]
        order.is_cancelled = True
        return order.report()

    def _answer(self) -> None:
        if self.is_silent:
            raise RetryLater("the venue doesn't answer")

    def _accept(self, request: OrderRequest, told: Misbehaviour) -> None:
        instrument = self.instruments([request.symbol])[request.symbol]
        price = request.limit_price or self.prices[request.symbol]
        if request.client_order_id in self._orders:
            raise OrderRejected("Duplicate order sent.", "-2010")
        if not instrument.is_tradable(request.quantity, price):
            raise OrderRejected("Filter failure: LOT_SIZE or NOTIONAL", "-1013")
        spent, needed = self._needs(request, request.quantity)
        held = self._held().get(spent)
        if held is None or held.free < needed:
            raise OrderRejected("Account has insufficient balance for requested action.", "-2010")
        order = _VenueOrder(request, str(next(self._numbers)), told.arrives_after_questions)
        self._orders[request.client_order_id] = order
        if self._is_reached(request):
            self._fill(order, instrument.floor_quantity(request.quantity * told.fill_share))

    def _needs(self, request: OrderRequest, quantity: Decimal) -> tuple[str, Decimal]:
        instrument = self._instruments[request.symbol]
        if request.side is Side.SELL:
            return instrument.base, quantity
        return instrument.quote, quantity * (request.limit_price or self.prices[request.symbol])

    def _is_reached(self, request: OrderRequest) -> bool:
        if request.limit_price is None:
            return True
        price = self.prices[request.symbol]
        return price <= request.limit_price if request.side is Side.BUY else price >= request.limit_price

    def _fill(self, order: _VenueOrder, quantity: Decimal) -> None:
        if quantity == 0:
            return
        request = order.request
        instrument, price = self._instruments[request.symbol], request.limit_price or self.prices[request.symbol]
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
