"""`explain` and `sizing` over PostgreSQL and the simulated exchange: what a trade left behind, told to the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from pydantic import SecretStr

from trading_platform.domain.errors import FixSettings
from trading_platform.domain.strategies.base import Direction
from trading_platform.runtime.explain_view import explanation
from trading_platform.runtime.size_view import show_sizes
from trading_platform.settings import Settings
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def venue() -> Iterator[SimulatedExchange]:
    """An exchange with 84.54 USDT, whose market stands still."""
    with simulated_exchange(balances={"USDT": Decimal("84.54")}, step=True) as running:
        yield running


@pytest.fixture
def floor(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    return TradingFloor(floor_settings(database_url, venue), venue)


@pytest.fixture
def settings(floor: TradingFloor) -> Settings:
    """The floor's settings with the addresses that only Dagster's processes use."""
    servers = floor.settings.servers
    elsewhere = {
        "dagster_database": servers.database,
        "broker": SecretStr("amqp://127.0.0.1"),
        "code_location": "127.0.0.1:1",
    }
    return floor.settings.model_copy(update={"servers": servers.model_copy(update=elsewhere)})


def test_a_trade_is_told_from_its_signal_to_its_result(floor: TradingFloor, settings: Settings) -> None:
    floor.trade_until_quiet()
    said = floor.says(-60)
    floor.trade_until_quiet()
    floor.close_everything(0)

    text = explanation(settings, said.signal_id[:12], as_json=False)
    values = json.loads(explanation(settings, said.signal_id, as_json=True))

    ledger = floor.platform.ledger
    [closed] = ledger.closed_trades(ACCOUNT, 9)
    for words in (
        "Decision: approved",
        f"settings {floor.settings.fingerprint()}",
        "check candles_are_fresh: passed",
        "size: fixed_fraction: 30.00% of equity 84.54 = 25.36",
        "Order (entry): buy",
        "Order (exit): sell",
        "venue's id",
        f"{closed.realized_pnl_quote:+.8f} after fees",
    ):
        assert words in text, words
    legs = [story["order"]["leg"] for story in values["orders"]]
    assert (legs[0], legs[-1]) == ("entry", "exit")
    for story in values["orders"]:
        assert story["events"][0]["kind"] == "intended"
        assert story["reservation"]["remaining"] == "0"
    filled = [story for story in values["orders"] if story["order"]["status"] == "filled"]
    assert all(story["fills"] for story in filled)
    bought = sum(Decimal(f["price"]) * Decimal(f["quantity"]) for f in filled[0]["fills"])
    assert Decimal(values["position"]["invested_quote"]) == bought == closed.invested_quote
    assert Decimal(values["position"]["realized_pnl_quote"]) == closed.realized_pnl_quote < 0  # two fees


def test_a_refused_signal_is_told_as_well(floor: TradingFloor, settings: Settings) -> None:
    floor.trade_until_quiet()
    said = floor.says(60, Direction.SHORT)
    floor.trade_until_quiet()
    text = explanation(settings, said.signal_id, as_json=False)
    assert f"{said.strategy} holds no {SYMBOL}" in text
    assert "no position was closed" in text


def test_a_mistyped_id_is_one_line(floor: TradingFloor, settings: Settings) -> None:
    floor.trade_until_quiet()
    with pytest.raises(FixSettings, match="no signal or order"):
        explanation(settings, "zz", as_json=False)


def test_sizing_shows_what_accounts_would_buy_now(
    floor: TradingFloor, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    floor.trade_until_quiet()
    show_sizes(settings, ["84.54", "5"], as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2 * len(settings.market.symbols)
    for row in rows:
        if row["balance"] == "84.54":
            assert (row["refusal"], Decimal("10") <= Decimal(row["notional"]) <= Decimal("25.37")) == ("", True)
        else:
            assert row["refusal"] == "insufficient_free_balance"

    show_sizes(settings, [], as_json=False)
    shown = capsys.readouterr().out
    assert "100,000" in shown
    assert "fixed_fraction: 30.00% of equity 20.00" in shown
