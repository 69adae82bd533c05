"""Old rows go; a store that is silent puts it off and nothing fails."""

from __future__ import annotations

from trading_platform.adapters.spooling_series_store import SpoolingSeriesStore
from trading_platform.adapters.store_guard import StoreGuard
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.services.prune_store import PrunedStore, prune_store
from trading_platform_tests.fakes import FakeSeriesStore, FakeStoreSpool
from trading_platform_tests.support.examples import MINUTE, SYMBOL, minutes
from trading_platform_tests.support.remote_store import RemoteStore, waiting_store

BEFORE = {"indicators_before": minutes(2), "metrics_before": minutes(3)}


def fill(store: FakeSeriesStore | SpoolingSeriesStore) -> None:
    store.write_indicators(SYMBOL, MINUTE, {minutes(number): {"rsi": 1.0} for number in range(4)})
    store.save_metrics([MetricPoint(MetricName.SPOOL_POINTS, 1.0, minutes(number)) for number in range(4)])


def test_old_rows_go() -> None:
    store = FakeSeriesStore()
    fill(store)
    assert prune_store(store, **BEFORE) == PrunedStore(2 + 3)
    assert list(store.indicators(SYMBOL, MINUTE, newest=9)) == [minutes(2), minutes(3)]


def test_a_silent_store_puts_it_off_and_says_of_what() -> None:
    remote = RemoteStore(FakeSeriesStore())
    store = SpoolingSeriesStore(remote, FakeStoreSpool(), StoreGuard("the store", lambda: 0.0))  # type: ignore[arg-type]
    fill(store)
    remote.is_down = True
    pruned = prune_store(store, **BEFORE)
    assert pruned.rows == 0
    assert [each.partition(":")[0] for each in pruned.postponed] == ["indicators", "metrics"]


def test_what_waits_keeps_nothing_else_from_being_dropped() -> None:
    seconds = iter(range(1000))
    remote = RemoteStore(FakeSeriesStore())
    guard = StoreGuard("the store", lambda: float(next(seconds)) * 60)
    store = SpoolingSeriesStore(remote, FakeStoreSpool(), guard)  # type: ignore[arg-type]
    fill(store)
    remote.takes_writes = False
    store.write_indicators(SYMBOL, MINUTE, {minutes(5): {"rsi": 2.0}})
    assert prune_store(store, **BEFORE) == PrunedStore(2 + 3)


def test_what_waits_goes_first() -> None:
    store = waiting_store(FakeSeriesStore())
    fill(store)
    assert prune_store(store, **BEFORE) == PrunedStore(2 + 3)
