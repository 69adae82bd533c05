from __future__ import annotations

from decimal import Decimal

from trading_platform.domain.order import OrderRequest, OrderStatus, Side
from trading_platform_tests.support.examples import fill, order, signal


def test_only_four_statuses_are_final() -> None:
    assert {status for status in OrderStatus if status.is_final} == {"filled", "cancelled", "rejected", "expired"}


def test_statuses_are_stored_in_lower_case() -> None:
    assert all(status.value == status.name.lower() for status in OrderStatus)


def test_the_request_is_what_is_sent() -> None:
    made = order(signal(), "60", side=Side.SELL, quantity="0.002")
    assert made.request == OrderRequest(made.client_order_id, "BTC/USDT", Side.SELL, Decimal("0.002"))


def test_the_quote_amount_is_exact() -> None:
    assert fill("1", "0.00119", "84705.64").quote_amount == Decimal("100.7997116")
