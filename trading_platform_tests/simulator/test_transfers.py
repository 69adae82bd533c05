"""Money comes and goes by the control endpoint, is listed as Binance lists it, and the books stay balanced."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trading_platform.simulator.errors import ExchangeError
from trading_platform_tests.simulator.exchanges import ACCOUNT, WallClock, balance, open_exchange


def test_a_transfer_moves_the_balance_and_the_books_stay_balanced(tmp_path: Path) -> None:
    wall = WallClock()
    exchange = open_exchange(tmp_path, wall)
    events: list[object] = []
    exchange.subscribe(events.append)

    exchange.transfer(ACCOUNT, "USDT", Decimal("50.5"))
    exchange.transfer(ACCOUNT, "USDT", Decimal(-20), fee=Decimal(1))

    assert balance(exchange, "USDT") == (Decimal("10029.5"), 0)
    assert all(total.accounts + total.venue + total.fees == total.deposits for total in exchange.totals())
    assert len(events) == 2
    exchange.close()

    again = open_exchange(tmp_path, wall)
    assert balance(again, "USDT") == (Decimal("10029.5"), 0)
    assert [t.amount for t in again.transfers(ACCOUNT, deposits=True, limit=9)] == [Decimal("50.5")]
    assert [(t.amount, t.fee) for t in again.transfers(ACCOUNT, deposits=False, limit=9)] == [(Decimal(-20), 1)]
    again.close()


def test_an_unlisted_transfer_leaves_no_trace(tmp_path: Path) -> None:
    exchange = open_exchange(tmp_path, WallClock())
    exchange.transfer(ACCOUNT, "BTC", Decimal("0.1"), is_listed=False)

    assert balance(exchange, "BTC") == (Decimal("0.6"), 0)
    assert exchange.transfers(ACCOUNT, deposits=True, limit=9) == []
    exchange.close()


@pytest.mark.parametrize(("account", "amount"), [(ACCOUNT, "-10000.01"), (ACCOUNT, "0"), ("nobody", "5")])
def test_what_is_not_there_cannot_leave(tmp_path: Path, account: str, amount: str) -> None:
    exchange = open_exchange(tmp_path, WallClock())
    with pytest.raises(ExchangeError):
        exchange.transfer(account, "USDT", Decimal(amount))
    assert balance(exchange, "USDT") == (Decimal(10_000), 0)
    exchange.close()
