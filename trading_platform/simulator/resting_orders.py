"""A timer that lets resting orders meet the market without anyone asking; idle while none rests."""

from __future__ import annotations

import asyncio

from trading_platform.simulator.exchange import Exchange
from trading_platform.simulator.model import AccountEvent, ExecutionEvent

_PERIOD_SECONDS = 1.0


class RestingOrders:
    """Advances the exchange once a second for as long as orders rest."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._open: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe = exchange.subscribe(self._on_event)

    def start(self) -> None:
        """Begin with the orders which a former run left open."""
        for account in self._exchange.config.accounts:
            self._open.update(order.order_id for order in self._exchange.open_orders(account.name))
        self._schedule()

    def close(self) -> None:
        """Stop the timer."""
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()

    def _on_event(self, event: AccountEvent) -> None:
        if not isinstance(event, ExecutionEvent):
            return
        if event.order.status.is_open:
            self._open.add(event.order.order_id)
            self._schedule()
        else:
            self._open.discard(event.order.order_id)

    def _schedule(self) -> None:
        if self._timer is None and self._open:
            self._timer = asyncio.get_running_loop().call_later(_PERIOD_SECONDS, self._advance)

    def _advance(self) -> None:
        self._timer = None
        self._exchange.advance()
        self._schedule()
