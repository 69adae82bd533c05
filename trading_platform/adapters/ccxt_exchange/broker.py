"""A spot account at an exchange that speaks Binance's protocol: the simulated one first of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog

from trading_platform.adapters.ccxt_exchange.account_reports import (
    account_trades,
    deposits,
    key_permissions,
    withdrawals,
)
from trading_platform.adapters.ccxt_exchange.client import MARKETS_LIFETIME_SECONDS, CcxtClient
from trading_platform.adapters.ccxt_exchange.failures import (
    MalformedAnswer,
    NotOffered,
    cancelling_failed,
    finding_failed,
    reading_failed,
    submitting_failed,
    wallet_reading_failed,
)
from trading_platform.adapters.ccxt_exchange.instruments import FeeRates, binance_instrument, fee_rates, listed_fees
from trading_platform.adapters.ccxt_exchange.order_reports import found_report, list_reports, open_order, placed_report
from trading_platform.adapters.ccxt_exchange.order_requests import list_parameters, order_parameters
from trading_platform.adapters.ccxt_exchange.wire_fields import (
    Json,
    decimal_member,
    epoch_ms,
    mapping,
    sequence,
    text_member,
)
from trading_platform.domain.arming import KeyPermissions
from trading_platform.domain.errors import AskTheVenue, FixSettings, PlatformError, RetryLater, SymbolNotTraded
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.order import Fill, OrderListRequest, OrderReport, OrderRequest, Side
from trading_platform.domain.request_limits import RequestGroup
from trading_platform.domain.transfer import VenueTransfer
from trading_platform.ports.broker import OpenOrder, VenueBalance

log = structlog.get_logger()

_LOOKS = 3
_TRADING = "TRADING"
_TRADES_PER_PAGE = 1000
_TRANSFERS = 1000
_MOST_SYMBOLS_ASKED_ALONE = 13  # a question about one weighs 6, about all of them 80


class CcxtBroker:
    """Orders by ccxt's signed raw endpoints, which keep every number and status as the venue sent it."""

    def __init__(self, client: CcxtClient) -> None:
        self._client = client
        self._fees: tuple[FeeRates, float] | None = None

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """The venue's rules per symbol and the account's fees, at most an hour old.

        While the account can't be read and its fees were never, those that the venue charges everybody serve: an exit,
        and a fill that is to be booked, must wait for neither (I7).
        """
        fees = self._fee_rates()
        markets = {symbol: self._client.market(symbol) for symbol in symbols}
        return {symbol: binance_instrument(market, fees or listed_fees(market)) for symbol, market in markets.items()}

    def is_trading(self, symbol: str) -> bool:
        """Whether the symbol's status is TRADING now."""
        query = {"symbol": self._wire_name(symbol)}
        what = f"status of {symbol}"
        answer = mapping(self._client.read(what, lambda exchange: exchange.publicGetExchangeInfo(query)), what)
        listed = sequence(answer.get("symbols"), what)
        if len(listed) != 1:
            raise MalformedAnswer(f"{what}: {len(listed)} symbols were told")
        return text_member(mapping(listed[0], what), "status") == _TRADING

    def balances(self) -> Mapping[str, VenueBalance]:
        """Balances per asset; assets with nothing are left out."""
        answer = sequence(self._account().get("balances"), "the list of balances")
        held = [mapping(balance, "a balance") for balance in answer]
        balances = {
            text_member(balance, "asset"): VenueBalance(
                decimal_member(balance, "free"), decimal_member(balance, "locked")
            )
            for balance in held
        }
        return {asset: balance for asset, balance in balances.items() if balance.total != 0}

    def transfers(self) -> Sequence[VenueTransfer] | None:
        """Credited deposits and withdrawals that left; None on a venue without such lists, as a testnet is."""
        query = {"limit": _TRANSFERS, **self._window()}
        try:
            deposited = self._read_wallet("deposits", lambda exchange: exchange.sapiGetCapitalDepositHisrec(query))
            withdrawn = self._read_wallet("withdrawals", lambda exchange: exchange.sapiGetCapitalWithdrawHistory(query))
        except NotOffered:
            return None
        return [*deposits(deposited), *withdrawals(withdrawn)]

    def trades(self, symbol: str, since: datetime) -> Sequence[tuple[Side, Fill]]:
        """The account's own trades of a symbol, whatever order made them."""
        query = {"symbol": self._wire_name(symbol), "startTime": epoch_ms(since)}
        return account_trades(self._pages_of_trades(f"trades of {symbol}", query))

    def key_permissions(self) -> KeyPermissions:
        """What the API key may do."""
        query = self._window()
        return key_permissions(
            self._read_wallet("the key's restrictions", lambda exchange: exchange.sapiGetAccountApiRestrictions(query))
        )

    def submit(self, request: OrderRequest) -> OrderReport:
        """Send an order, once.

        Its time is that of this call, however long it waits for its turn or the computer sleeps: the venue refuses it
        when recvWindow has passed since, and whoever has waited so long for it may be sure.
        """
        called_at = time.time()
        order = {**order_parameters(request, self._wire_name(request.symbol)), **self._window()}
        what = f"order {request.client_order_id}"
        answer = self._client.send(
            what,
            lambda exchange: exchange.privatePostOrder({**order, "timestamp": _as_of(exchange, called_at)}),
            submitting_failed,
            reduces_risk=request.side is Side.SELL,
        )
        try:
            return placed_report(request.symbol, request.client_order_id, answer)
        except MalformedAnswer as unreadable:
            raise AskTheVenue(f"{what}: {unreadable}") from None

    def find(self, symbol: str, client_order_id: str) -> OrderReport:
        """The order with all of its fills; looked at again while order and trades don't agree."""
        for _ in range(_LOOKS - 1):
            try:
                return self._look(symbol, client_order_id)
            except MalformedAnswer:
                continue
        return self._look(symbol, client_order_id)

    def cancel(self, symbol: str, client_order_id: str) -> OrderReport:
        """Cancel what is left of the order and report it."""
        order = {
            "symbol": self._wire_name(symbol),
            "origClientOrderId": client_order_id,
            **self._window(),
        }
        what = f"cancel of order {client_order_id}"
        self._client.send(
            what, lambda exchange: exchange.privateDeleteOrder(order), cancelling_failed, reduces_risk=True
        )
        try:
            return self.find(symbol, client_order_id)
        except PlatformError as trouble:  # a refused key as well: what was accepted isn't undone by it
            raise AskTheVenue(f"{what} was accepted, but what became of the order isn't known: {trouble}") from None

    def submit_list(self, request: OrderListRequest) -> Sequence[OrderReport]:
        """Send a stop and its target as one list (ccxt has no common form of it), once, as of this call."""
        called_at = time.time()
        symbol = request.stop.symbol
        orders = {**list_parameters(request, self._wire_name(symbol)), **self._window()}
        what = f"order list {request.list_id}"
        answer = self._client.send(
            what,
            lambda exchange: exchange.privatePostOrderListOco({**orders, "timestamp": _as_of(exchange, called_at)}),
            submitting_failed,
            reduces_risk=True,
        )
        return self._list_reports(what, symbol, answer, (request.stop.client_order_id, request.target.client_order_id))

    def cancel_list(self, symbol: str, list_id: str, client_order_ids: Sequence[str]) -> Sequence[OrderReport]:
        """Cancel what is left of a list and report its orders."""
        query = {"symbol": self._wire_name(symbol), "listClientOrderId": list_id, **self._window()}
        what = f"cancel of order list {list_id}"
        answer = self._client.send(
            what, lambda exchange: exchange.privateDeleteOrderList(query), cancelling_failed, reduces_risk=True
        )
        return self._list_reports(what, symbol, answer, client_order_ids)

    def open_orders(self, symbols: Sequence[str]) -> Sequence[OpenOrder]:
        """All orders that lie open in these symbols, asked for singly or, where that is cheaper, at once."""
        markets = self._client.markets()
        names = {str(markets[symbol]["id"]): symbol for symbol in symbols if symbol in markets}
        asked: list[str | None] = [*names] if len(names) <= _MOST_SYMBOLS_ASKED_ALONE else [None]
        found: list[Json] = []
        for name in asked:
            with suppress(SymbolNotTraded):  # taken off the list since the markets were read: nothing lies open there
                found += [mapping(order, "an open order") for order in self._open_orders(name)]
        return [open_order(names[str(order["symbol"])], order) for order in found if order.get("symbol") in names]

    def _open_orders(self, wire_name: str | None) -> Sequence[Any]:
        query: dict[str, Any] = self._window() if wire_name is None else {"symbol": wire_name, **self._window()}
        answer = self._client.read(
            "open orders", lambda exchange: exchange.privateGetOpenOrders(query), group=RequestGroup.ACCOUNT
        )
        return sequence(answer, "the list of open orders")

    def _list_reports(
        self, what: str, symbol: str, answer: object, client_order_ids: Sequence[str]
    ) -> Sequence[OrderReport]:
        """Reports out of the answer about a list; an order that has traded is asked for, with its trades."""
        try:
            told = list_reports(symbol, client_order_ids, answer)
            return [told.get(order_id) or self.find(symbol, order_id) for order_id in client_order_ids]
        except PlatformError as trouble:
            raise AskTheVenue(f"{what} was accepted, but what became of it isn't known: {trouble}") from None

    def _look(self, symbol: str, client_order_id: str) -> OrderReport:
        query = {"symbol": self._wire_name(symbol), "origClientOrderId": client_order_id, **self._window()}
        order = mapping(
            self._client.read(
                f"order {client_order_id}",
                lambda exchange: exchange.privateGetOrder(query),
                finding_failed,
                RequestGroup.ACCOUNT,
            ),
            f"order {client_order_id}",
        )
        trades = self._trades(symbol, text_member(order, "orderId")) if decimal_member(order, "executedQty") else []
        return found_report(symbol, client_order_id, order, trades)

    def _trades(self, symbol: str, venue_order_id: str) -> list[Any]:
        query = {"symbol": self._wire_name(symbol), "orderId": venue_order_id}
        return self._pages_of_trades(f"trades of order {venue_order_id}", query)

    def _pages_of_trades(self, what: str, wanted: Mapping[str, Any]) -> list[Any]:
        query: dict[str, Any] = {**wanted, "limit": _TRADES_PER_PAGE, **self._window()}
        trades: list[Any] = []
        while True:
            answer = self._read_account(what, lambda exchange: exchange.privateGetMyTrades(dict(query)))
            page = sequence(answer, "the list of trades")
            trades += page
            if len(page) < _TRADES_PER_PAGE:
                return trades
            query.pop("startTime", None)  # the venue takes one of the two
            query["fromId"] = int(text_member(mapping(page[-1], "a trade"), "id")) + 1

    def _fee_rates(self) -> FeeRates | None:
        """The account's fees; while they can't be read (again), the older ones, if any."""
        now = self._client.monotonic_seconds()
        if self._fees is None or now - self._fees[1] > MARKETS_LIFETIME_SECONDS:
            try:
                self._fees = fee_rates(self._account()), now
            except (RetryLater, FixSettings) as silence:
                log.warning("fees_not_read", why=str(silence))
        return self._fees[0] if self._fees else None

    def _account(self) -> Json:
        query = {"omitZeroBalances": "true", **self._window()}
        return mapping(self._read_account("account", lambda exchange: exchange.privateGetAccount(query)), "the account")

    def _read_account(self, what: str, ask: Callable[[Any], Any]) -> Any:
        return self._client.read(what, ask, reading_failed, RequestGroup.ACCOUNT)

    def _read_wallet(self, what: str, ask: Callable[[Any], Any]) -> Any:
        return self._client.read(what, ask, wallet_reading_failed, RequestGroup.ACCOUNT)

    def _wire_name(self, symbol: str) -> str:
        return str(self._client.market(symbol)["id"])

    def _window(self) -> dict[str, int]:
        return {"recvWindow": self._client.access.recv_window_ms}


def _as_of(exchange: Any, moment: float) -> int:
    """The venue's time in milliseconds at a moment of ours that has passed."""
    return int(exchange.nonce()) - int(1000 * (time.time() - moment))
