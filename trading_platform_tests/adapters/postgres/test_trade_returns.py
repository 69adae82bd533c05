"""Positions from before their investment was kept get it from their fills."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import text

from trading_platform.adapters.postgres.engine import make_engine, transaction
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.adapters.postgres.migrate import upgrade
from trading_platform_tests.support.examples import ACCOUNT, SYMBOL, minutes
from trading_platform_tests.support.postgres import PostgresServer

_BEFORE = "0011"
_OLD_ROWS = """
INSERT INTO accounts (name, quote, mode, opened_at) VALUES ('main', 'USDT', 'paper', :at0);
INSERT INTO balances (account, asset, total, updated_at) VALUES ('main', 'USDT', 1, :at0), ('main', 'BTC', 1, :at0);
INSERT INTO signals (signal_id, account, strategy, strategy_version, symbol, interval, candle_close, direction, reason,
                     evidence, recorded_at)
    VALUES ('s', 'main', 'trend_following', '1', 'BTC/USDT', '1m', :at1, 'long', 'a cross', '{}', :at1);
INSERT INTO orders (client_order_id, account, signal_id, leg, strategy, symbol, side, quantity, status,
                    filled_quantity, created_at)
    VALUES ('tpbuy', 'main', 's', 'entry', 'trend_following', 'BTC/USDT', 'buy', 0.002, 'filled', 0.002, :at1),
           ('tpsell', 'main', 's', 'exit', 'trend_following', 'BTC/USDT', 'sell', 0.001, 'filled', 0.001, :at3);
INSERT INTO order_events (client_order_id, kind, status, reason, at)
    VALUES ('tpbuy', 'filled', 'filled', '', :at1), ('tpsell', 'filled', 'filled', '', :at3);
INSERT INTO reservations (client_order_id, account, asset, amount, remaining, state, created_at, ended_at)
    VALUES ('tpbuy', 'main', 'USDT', 101, 0, 'settled', :at1, :at1),
           ('tpsell', 'main', 'BTC', 0.001, 0, 'settled', :at3, :at3);
INSERT INTO fills (account, symbol, venue_trade_id, client_order_id, price, quantity, fee, fee_asset, filled_at,
                   recorded_at)
    VALUES ('main', 'BTC/USDT', '1', 'tpbuy', 50000, 0.001, 0.000001, 'BTC', :at1, :at1),
           ('main', 'BTC/USDT', '2', 'tpbuy', 50100, 0.001, 0.05, 'USDT', :at2, :at2),
           ('main', 'BTC/USDT', '3', 'tpsell', 51000, 0.001, 0.051, 'USDT', :at3, :at3);
INSERT INTO positions (account, symbol, strategy, entry_candle_close, opened_at, quantity, bought_quantity, cost_quote,
                       realized_pnl_quote, closed_at)
    VALUES ('main', 'BTC/USDT', 'trend_following', :at1, :at1, 0, 0.002, 0, 1, :at3),
           ('main', 'ETH/USDT', 'trend_following', :at1, :at1, 0, 1, 0, 1, :at3);
"""


def test_it_is_reckoned_from_the_buys(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as url:
        upgrade(url, _BEFORE)
        engine = make_engine(url)
        moments = {f"at{number}": minutes(number) for number in range(4)}
        with transaction(engine) as connection:
            for statement in filter(str.strip, _OLD_ROWS.split(";")):
                wanted = {name: moment for name, moment in moments.items() if f":{name}" in statement}
                connection.execute(text(statement), wanted)
        upgrade(url)
        found = {p.symbol: p for p in PostgresLedger(engine).closed_trades(ACCOUNT, 9)}
        engine.dispose()
    assert found[SYMBOL].invested_quote == Decimal("100.15")  # 50 and 50.10, and a fee of 0.05 in quote
    assert found[SYMBOL].return_on_cost == 1 / Decimal("100.15")
    assert found["ETH/USDT"].invested_quote == 0  # its fills are unknown
    assert found["ETH/USDT"].return_on_cost is None
