"""What every spool does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from trading_platform.domain.candle import Gap, Interval
from trading_platform.domain.errors import RetryLater
from trading_platform.domain.market import Ticker
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.store_write import (
    CandleBatch,
    GapRecord,
    IndicatorRows,
    MetricBatch,
    StoreWrite,
    TickerBatch,
)
from trading_platform.ports.series_store import CandleWrite
from trading_platform.ports.store_spool import StoreSpool
from trading_platform_tests.contracts.conftest import BOUND_POINTS, KEPT_WRITES
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes


def batch(*numbers: int, symbol: str = SYMBOL) -> CandleBatch:
    return CandleBatch(symbol, MINUTE, tuple(candle(number) for number in numbers), "rest", START)


def prices(last: str = "10", copies: int = 1) -> TickerBatch:
    price = Decimal(last)
    return TickerBatch((Ticker(SYMBOL, price - 1, price + 1, price, minutes(1), minutes(2), "stream"),) * copies)


def send_all(spool: StoreSpool) -> list[int]:
    sent = []
    while True:
        with spool.replaying() as replay:
            waiting = replay.first()
            if not waiting:
                return sent
            replay.confirm(waiting[0].number)
            sent.append(waiting[0].number)


def test_at_first_nothing_waits(spool: StoreSpool) -> None:
    state = spool.state()
    assert (state.confirmed, state.rows, state.points, state.oldest_at, state.refused) == (0, 0, 0, None, 0)
    assert state.bound_points == BOUND_POINTS
    assert spool.since(0) == []
    assert send_all(spool) == []


@pytest.mark.parametrize(
    "write",
    [
        replace(batch(0, 2), candles=(candle(0, "123456789.123456789123"), candle(1, "1E-8"), candle(2, "84.50000"))),
        replace(batch(0), received_at=START + timedelta(microseconds=1), interval=Interval.parse("4h")),
        GapRecord(SYMBOL, MINUTE, (Gap(minutes(3), minutes(5), 3),), minutes(0), minutes(9), minutes(20)),
        IndicatorRows(SYMBOL, MINUTE, {minutes(0): {"rsi_14": 1 / 3, "ema": 2.0, "large": 1e22}, minutes(1): {}}),
        prices("0.00000001"),
        MetricBatch(
            (
                MetricPoint(MetricName.ORDERS_IN_FLIGHT, 2.0, minutes(1)),
                MetricPoint(MetricName.PRICE_AGE_SECONDS, 1 / 3, minutes(1) + timedelta(milliseconds=1), SYMBOL),
            )
        ),
    ],
    ids=lambda write: type(write).__name__,
)
def test_a_write_comes_out_as_it_went_in(spool: StoreSpool, write: StoreWrite) -> None:
    number = spool.append(write, START)
    [found] = spool.since(0)
    assert found.number == number
    assert found.write == write
    if isinstance(write, CandleBatch) and isinstance(found.write, CandleBatch):
        for got, given in zip(found.write.candles, write.candles, strict=True):
            assert format(got.close, "f") == format(given.close, "f")


def test_writes_are_numbered_and_leave_in_order(spool: StoreSpool) -> None:
    numbers = [spool.append(batch(number), START) for number in range(5)]
    assert numbers == sorted(set(numbers))
    assert [spooled.number for spooled in spool.since(numbers[2])] == numbers[3:]
    assert send_all(spool) == numbers


def test_what_waits_is_counted(spool: StoreSpool) -> None:
    spool.append(batch(0, 1, 2), minutes(5))
    second = spool.append(batch(3), minutes(6))
    state = spool.state()
    assert (state.rows, state.points, state.oldest_at) == (2, 4, minutes(5))
    with spool.replaying() as replay:
        replay.confirm(replay.first()[0].number)
    state = spool.state()
    assert (state.rows, state.points, state.oldest_at) == (1, 1, minutes(6))
    send_all(spool)
    assert (spool.state().confirmed, spool.state().rows, spool.state().points) == (second, 0, 0)


def test_what_is_confirmed_is_still_told(spool: StoreSpool) -> None:
    first = spool.append(batch(0), START)
    second = spool.append(prices(), START)
    send_all(spool)
    assert [spooled.number for spooled in spool.since(0)] == [first, second]
    assert [spooled.number for spooled in spool.since(0, kind=TickerBatch)] == [second]
    assert [spooled.number for spooled in spool.since(0, series=(SYMBOL, MINUTE))] == [first]
    assert spool.since(0, series=("ETH/USDT", MINUTE)) == []


def test_what_is_kept_no_longer_is_not_told_as_if_it_were_nothing(spool: StoreSpool) -> None:
    long_ago = START.replace(year=2000)
    numbers = [spool.append(batch(number), long_ago) for number in range(2 * KEPT_WRITES)]
    send_all(spool)
    with pytest.raises(RetryLater):
        spool.since(0)
    assert spool.since(numbers[-1]) == []
    new = spool.append(batch(0), START)
    assert [spooled.number for spooled in spool.since(numbers[-1])] == [new]


def test_what_waits_is_kept_however_old_it_is(spool: StoreSpool) -> None:
    long_ago = START.replace(year=2000)
    numbers = [spool.append(batch(number), long_ago) for number in range(2 * KEPT_WRITES)]
    assert len(spool.since(0)) == len(numbers)
    assert send_all(spool) == numbers


def test_the_result_can_be_asked_for(spool: StoreSpool) -> None:
    number = spool.append(batch(0, 1, 2), START)
    assert spool.result(number) is None
    with spool.replaying() as replay:
        replay.confirm(number, {number: CandleWrite(1, 1, 1)})
    assert spool.result(number) == CandleWrite(1, 1, 1)


def test_the_results_of_writes_that_left_together_are_told_apart(spool: StoreSpool) -> None:
    first, price, last = (spool.append(write, START) for write in (batch(0), prices(), batch(1, 2)))
    with spool.replaying() as replay:
        assert [spooled.number for spooled in replay.first()] == [first, price, last]
        replay.confirm(last, {first: CandleWrite(1), last: CandleWrite(0, 2)})
    assert (spool.result(first), spool.result(price), spool.result(last)) == (CandleWrite(1), None, CandleWrite(0, 2))
    assert (spool.state().rows, spool.state().points) == (0, 0)


def fail_to_send(spool: StoreSpool) -> None:
    with spool.replaying() as replay:
        assert replay.first()
        raise RetryLater("the store has gone")


def test_a_replay_that_fails_has_confirmed_nothing(spool: StoreSpool) -> None:
    number = spool.append(batch(0), START)
    with pytest.raises(RetryLater):
        fail_to_send(spool)
    assert spool.state().rows == 1
    assert send_all(spool) == [number]


def test_only_one_sends_at_a_time(spool: StoreSpool) -> None:
    def send() -> bool:
        try:
            with spool.replaying():
                return True
        except RetryLater:
            return False

    with ThreadPoolExecutor(1) as other:
        with spool.replaying():
            assert not other.submit(send).result()
        assert other.submit(send).result()


def test_while_one_sends_others_go_on_writing(spool: StoreSpool) -> None:
    spool.append(batch(0), START)
    with ThreadPoolExecutor(1) as other, spool.replaying() as replay:
        [waiting] = replay.first()
        other.submit(spool.append, batch(1), START).result()
        replay.confirm(waiting.number)
    assert spool.state().rows == 1


def test_many_may_write_at_once(spool: StoreSpool) -> None:
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda number: spool.append(batch(number), START), range(60)))
    assert len(set(numbers)) == 60
    assert send_all(spool) == sorted(numbers)


def test_nothing_is_accepted_beyond_the_bound(spool: StoreSpool) -> None:
    many = replace(batch(0), candles=(candle(0),) * (BOUND_POINTS // 10))
    for _ in range(9):
        spool.append(many, START)
    with pytest.raises(RetryLater, match="full"):
        spool.append(prices(copies=2), START)  # prices leave room for candles
    with pytest.raises(RetryLater, match="full"):
        spool.append(MetricBatch((MetricPoint(MetricName.SPOOL_POINTS, 9.0, START),)), START)  # and so do metrics
    spool.append(many, START)
    with pytest.raises(RetryLater, match="full"):
        spool.append(batch(1), START)
    assert (spool.state().rows, spool.state().points) == (10, BOUND_POINTS)
    with spool.replaying() as replay:
        replay.confirm(replay.first()[0].number)
    spool.append(batch(1), START)


@pytest.mark.parametrize(("is_told", "set_aside"), [(True, 0), (False, 1)])
def test_what_is_refused_holds_up_nothing(spool: StoreSpool, is_told: bool, set_aside: int) -> None:
    refused, other = spool.append(batch(0), START), spool.append(batch(1), START)
    with spool.replaying() as replay:
        replay.refuse(refused, "older than the bucket keeps", is_told=is_told)
    state = spool.state()
    assert (state.rows, state.points, state.refused) == (1, 1, set_aside)
    assert [spooled.number for spooled in spool.since(0)] == [other]
    assert send_all(spool) == [other]
