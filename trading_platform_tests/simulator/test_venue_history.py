"""Whoever compares books sees all of the exchange's, however many pages they take."""

from __future__ import annotations

from pathlib import Path

from trading_platform_tests.simulator.exchanges import ACCOUNT, BTC, WallClock, open_exchange, place
from trading_platform_tests.support.venue_history import every_order, every_trade


def test_orders_and_fills_of_several_pages_are_all_there_once_and_in_order(tmp_path: Path) -> None:
    exchange = open_exchange(tmp_path, WallClock())
    placed = [place(exchange, "BUY", "MARKET", quantity="0.001").order.order_id for _ in range(7)]

    orders = every_order(exchange, ACCOUNT, BTC, page_rows=3)
    trades = every_trade(exchange, ACCOUNT, BTC, page_rows=2)

    assert [each.order_id for each in orders] == placed
    assert list(dict.fromkeys(each.order_id for each in trades)) == placed
    assert len({each.trade_id for each in trades}) == len(trades)
    exchange.close()
