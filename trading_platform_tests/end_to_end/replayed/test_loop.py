"""The whole loop on a replay, and the same again after everything was killed at once (I3, I5)."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from trading_platform_tests.support.platform import RunningPlatform
from trading_platform_tests.support.records import (
    CANDLES,
    SYMBOLS,
    Records,
    archive_candles,
    as_candles,
    sensors,
    start_sensor,
    stop_sensor,
)

pytestmark = pytest.mark.end_to_end

PATIENCE_SECONDS = 180
_FILLED = "SELECT count(*) FROM orders WHERE status = 'filled'"


def assert_candles_are_the_archives(records: Records, archive: Path) -> None:
    """Every candle that has closed by now is stored soon, and the store holds the archive's rows and nothing else."""
    position = records.market_time()
    complete = records.platform.wait_for(
        lambda: all(_newest_close_is_after(records, symbol, position) for symbol in SYMBOLS),
        PATIENCE_SECONDS,
        f"candles up to {position}",
    )
    assert complete
    for symbol, rows in zip(SYMBOLS, records.ledger(*map(CANDLES.format, SYMBOLS)), strict=True):
        stored = as_candles(rows)
        recorded = archive_candles(archive, symbol)
        first = next(i for i, candle in enumerate(recorded) if candle.open_time == stored[0].open_time)
        assert stored == recorded[first : first + len(stored)]
        assert len(stored) > 500


def _newest_close_is_after(records: Records, symbol: str, position: object) -> bool:
    newest = f"SELECT max(open_time) + interval '2 minutes' FROM candles WHERE symbol = '{symbol}'"
    [[(next_close,)]] = records.ledger(newest)
    return next_close is not None and next_close > position


def _books_agree(records: Records) -> bool:
    """Whether ledger and venue hold the same, with nothing in flight; stops and targets may rest."""
    audit = records.audit()
    unsettled = (
        "SELECT count(*) FROM orders WHERE status NOT IN ('filled', 'cancelled', 'rejected', 'expired')"
        " AND NOT (status = 'open' AND kind IN ('stop_loss', 'take_profit'))"
    )
    balances, [(in_flight,)] = records.ledger("SELECT asset, total FROM balances", unsettled)
    held = {asset: total for asset, total in balances if total}
    at_venue = {asset: Decimal(books["accounts"]) for asset, books in audit.items() if Decimal(books["accounts"])}
    return in_flight == 0 and held == at_venue


def assert_nothing_was_sent_twice(records: Records) -> None:
    """One order per signal and leg in the ledger, and at the venue those orders and no others."""
    [filled] = records.ledger("SELECT client_order_id FROM orders WHERE status = 'filled'")
    at_venue = records.venue_order_ids()
    [orders] = records.ledger("SELECT client_order_id, signal_id, leg FROM orders")  # read last: it knows first
    assert len(at_venue) == len(set(at_venue))
    assert {order_id for (order_id,) in filled} <= set(at_venue) <= {order_id for order_id, *_ in orders}
    legs = [(signal_id, leg) for _, signal_id, leg in orders]
    assert len(legs) == len(set(legs))


def _positions_from_fills(records: Records) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What fills add up to, by symbol, and what positions say (dust of closed ones included)."""
    fills, positions = records.ledger(
        "SELECT f.symbol, o.side, f.quantity, f.fee, f.fee_asset FROM fills f JOIN orders o USING (client_order_id)",
        "SELECT symbol, sum(quantity) FROM positions GROUP BY symbol",
    )
    held: dict[str, Decimal] = defaultdict(Decimal)
    for symbol, side, quantity, fee, fee_asset in fills:
        held[symbol] += quantity if side == "buy" else -quantity
        held[symbol] -= fee if fee_asset == symbol.split("/")[0] else 0
    return dict(held), dict(positions)


def test_the_loop_turns_recorded_candles_into_orders(
    platform: RunningPlatform, records: Records, archive: Path
) -> None:
    assert_candles_are_the_archives(records, archive)

    filled = platform.wait_for(lambda: records.ledger(_FILLED)[0][0][0] >= 2, PATIENCE_SECONDS, "filled orders")

    assert filled
    signals, decisions, positions = records.ledger(
        "SELECT count(*) FROM signals", "SELECT count(*) FROM decisions", "SELECT count(*) FROM positions"
    )
    assert min(signals[0][0], decisions[0][0], positions[0][0]) > 0
    platform.wait_for(lambda: records.ledger("SELECT count(*) FROM equity")[0][0][0] >= 2, PATIENCE_SECONDS, "equity")
    held, positions_say = _positions_from_fills(records)
    assert held == positions_say
    assert platform.wait_for(lambda: _books_agree(records), PATIENCE_SECONDS, "ledger and venue agree")
    assert_nothing_was_sent_twice(records)


def test_after_a_crash_of_everything_it_carries_on(platform: RunningPlatform, records: Records, archive: Path) -> None:
    stop_sensor(records, "chart_sensor")
    before = _history(records)
    market_time = records.market_time()

    platform.kill_everything()
    platform.start(timeout_seconds=PATIENCE_SECONDS)

    assert records.market_time() >= market_time
    after = _history(records)
    assert {key: after[key] for key in before} == before
    held, positions_say = _positions_from_fills(records)
    assert held == positions_say
    assert_candles_are_the_archives(records, archive)
    more = len(before)
    assert platform.wait_for(lambda: len(_history(records)) > more, PATIENCE_SECONDS, "further fills")
    assert platform.wait_for(lambda: _books_agree(records), PATIENCE_SECONDS, "ledger and venue agree")
    assert_nothing_was_sent_twice(records)


def test_what_the_owner_switched_off_stayed_off(records: Records) -> None:
    states = {name: sensor.status for name, sensor in sensors(records).items()}

    assert states.pop("chart_sensor") == "STOPPED"
    assert set(states.values()) == {"RUNNING"}
    start_sensor(records, "chart_sensor")


def _history(records: Records) -> dict[str, list[object]]:
    """Every fill with its order, which nothing may change any more, by trade."""
    [fills] = records.ledger(
        "SELECT f.symbol || f.venue_trade_id, f.client_order_id, o.signal_id, o.leg, f.price, f.quantity, f.fee "
        "FROM fills f JOIN orders o USING (client_order_id)"
    )
    return {row[0]: list(row[1:]) for row in fills}
