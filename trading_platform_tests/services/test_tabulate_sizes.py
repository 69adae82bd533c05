"""The sizing table over every symbol with recorded filters: tradable and closable, or refused with a reason."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.instrument import Instrument
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.sizing.closable import is_closable
from trading_platform.services.tabulate_sizes import BALANCES, Quoted, SizeRow, tabulate_sizes
from trading_platform_tests.support.examples import instrument
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.recorded_filters import RecordedMarket, recorded_markets

SETTINGS = plain_settings()
REASONS = {*ReasonCode, "not_quoted_in_account"}


@pytest.fixture(scope="module", params=recorded_markets(), ids=lambda market: market.name)
def market(request: pytest.FixtureRequest) -> RecordedMarket:
    found: RecordedMarket = request.param
    return found


@pytest.mark.parametrize("ticks", [None, 100, 1_000, 100_000, 10_000_000])
def test_every_row_is_tradable_and_closable_or_refused(market: RecordedMarket, ticks: int | None) -> None:
    """At the recorded price, and at prices at which lots are next to nothing, or worth more than the account."""
    rules = {quoted.instrument.symbol: quoted.instrument for quoted in market.trading}
    asked = [q if ticks is None else replace(q, ask=ticks * q.instrument.tick_size) for q in market.trading]
    rows = tabulate_sizes(asked, SETTINGS)
    assert len(rows) == len(market.trading) * len(BALANCES)
    for row in rows:
        if row.refusal:
            assert row.refusal in REASONS
            assert row.how
            assert row.quantity == 0
        else:
            _assert_sound(row, rules[row.symbol])


def _assert_sound(row: SizeRow, rules: Instrument) -> None:
    assert rules.is_tradable(row.quantity, row.ask), row
    assert is_closable(row.quantity, row.exit_price, rules), row
    assert rules.is_tradable(row.sellable, row.exit_price), row
    assert rules.takes_sell_price(row.exit_price, row.ask), row
    assert Decimal(10) <= row.notional < row.balance, row
    assert row.how


def test_the_usual_pairs_are_traded_with_every_balance(market: RecordedMarket) -> None:
    usual = [q for q in market.trading if q.instrument.symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT")]
    assert usual
    for row in tabulate_sizes(usual, SETTINGS):
        # of 20 USDT the whole stays below 0.80; 30 % of 84.54 are 25.36, less than a lot's rounding
        share = {Decimal(20): (10, 16), Decimal("84.54"): (19, 26), Decimal(1000): (90, 101)}
        low, high = share.get(row.balance, (9_900, 10_001))
        assert low <= row.notional <= high, row


def test_the_lot_grids_of_both_filters_fit_each_other(market: RecordedMarket) -> None:
    """The coarser of two steps is on the grid of the finer one, so one grid stands for both."""
    for quoted in market.trading:
        rules = quoted.instrument
        assert rules.lot_step > 0
        assert rules.min_quantity % rules.lot_step == 0, rules.symbol


def test_a_symbol_in_another_quote_is_refused() -> None:
    [row] = tabulate_sizes([Quoted(instrument("ETH/BTC"), Decimal("0.05"))], SETTINGS, [Decimal(1000)])
    assert (row.refusal, row.quantity) == ("not_quoted_in_account", 0)
    assert "quoted in BTC" in row.how
