"""A write that returns is on the server; what the server can't do is told by the error that says what to do."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import UTC, datetime

import pytest

from trading_platform.adapters.influxdb.connection import Access, InfluxConnection
from trading_platform.adapters.influxdb.refusals import retry_after_seconds
from trading_platform.adapters.influxdb.series_store import InfluxSeriesStore
from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater, WaitUntilAllowed
from trading_platform.ports.series_store import CandleWrite
from trading_platform_tests.adapters.influxdb.conftest import Waits
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle
from trading_platform_tests.support.influx import Fault, InfluxServer
from trading_platform_tests.support.influx.api import Reply

WRITE, QUERY = "/api/v2/write", "/api/v2/query"


def write(store: InfluxSeriesStore, number: int = 3) -> CandleWrite:
    many = [candle(minute) for minute in range(number)]
    return store.write_candles(SYMBOL, MINUTE, many, source="rest", received_at=START)


def count(store: InfluxSeriesStore) -> int:
    return store.count_candles(SYMBOL, MINUTE)


def test_a_write_goes_compressed_in_milliseconds_and_bounded_batches(
    server: InfluxServer, store: InfluxSeriesStore
) -> None:
    write(store, 250)
    sizes = []
    for request in server.requests(WRITE):
        assert request.headers["Content-Encoding"] == "gzip"
        assert request.parameters == {"org": server.org, "bucket": "market", "precision": "ms"}
        lines = gzip.decompress(request.body).decode().split("\n")
        sizes.append(len(lines))
        assert lines[0].startswith("candles,interval=1m,symbol=BTC/USDT ")
    assert sizes == [100, 100, 50]


def test_what_is_written_again_is_not_sent_again(server: InfluxServer, store: InfluxSeriesStore) -> None:
    write(store, 5)
    before = len(server.requests(WRITE))
    assert write(store, 5) == CandleWrite(unchanged=5)
    assert len(server.requests(WRITE)) == before


def test_values_reach_the_query_beside_its_text(server: InfluxServer, store: InfluxSeriesStore) -> None:
    store.candles('A" or "B', MINUTE, newest=3)
    for request in server.requests(QUERY):
        asked = json.loads(request.body)
        assert 'A" or' not in asked["query"]
        declared = {each["assignment"]["id"]["name"] for each in asked["extern"]["body"]}
        assert declared == {"bucket", "symbol", "interval", "begin", "end"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("path", [WRITE, QUERY])
def test_what_may_pass_later_is_tried_again(
    server: InfluxServer, store: InfluxSeriesStore, waits: Waits, path: str, status: int
) -> None:
    server.faults.plan(path, Fault(status), Fault(status))
    assert write(store) == CandleWrite(inserted=3)
    assert len(waits.slept) == 2
    assert 0.125 <= waits.slept[0] <= 0.375 < 2 * waits.slept[1]


def test_the_waits_differ_from_each_other(server: InfluxServer, store: InfluxSeriesStore, waits: Waits) -> None:
    for _ in range(8):
        server.faults.plan(WRITE, Fault(503))
        store.connection.write("market", ["candles x=1 1"])
    assert len(set(waits.slept)) > 4


def test_the_server_says_how_long_to_wait(server: InfluxServer, store: InfluxSeriesStore, waits: Waits) -> None:
    server.faults.plan(WRITE, Fault(429, headers={"Retry-After": "3"}))
    write(store)
    [slept] = waits.slept
    assert 3 <= slept <= 3.3


def test_a_longer_wait_than_patience_is_handed_on(server: InfluxServer, store: InfluxSeriesStore, waits: Waits) -> None:
    server.faults.plan(WRITE, Fault(503, headers={"Retry-After": "60"}))
    with pytest.raises(WaitUntilAllowed) as told:
        write(store)
    assert told.value.retry_after_seconds == 60
    assert waits.slept == []


def test_patience_ends(server: InfluxServer, store: InfluxSeriesStore, waits: Waits) -> None:
    server.faults.always(WRITE, Fault(503, message="engine is closed"))
    with pytest.raises(RetryLater, match="engine is closed"):
        write(store)
    assert 3 < waits.now <= 6


def test_retry_after_is_a_number_or_a_date() -> None:
    now = datetime(2025, 3, 1, tzinfo=UTC)
    assert retry_after_seconds({"Retry-After": "1.5"}) == 1.5
    assert retry_after_seconds({"Retry-After": "Sat, 01 Mar 2025 00:00:30 GMT"}, now) == 30
    assert retry_after_seconds({"Retry-After": "Fri, 28 Feb 2025 00:00:30 GMT"}, now) == 0
    assert retry_after_seconds({"Retry-After": "soon"}) is None
    assert retry_after_seconds({}) is None


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(401, "unauthorized", "unauthorized access"), "token"),
        (Fault(403, "forbidden", "insufficient permissions for write"), "token"),
        (Fault(400, "invalid", "unable to parse 'x': missing fields"), "missing fields"),
        (Fault(422, "unprocessable entity", "partial write: field type conflict dropped=1"), "field type conflict"),
        (Fault(404, "not found", 'bucket "market" not found'), "bucket"),
    ],
)
def test_what_never_passes_is_told_at_once(
    server: InfluxServer, store: InfluxSeriesStore, waits: Waits, fault: Fault, expected: str
) -> None:
    server.faults.plan(WRITE, fault)
    with pytest.raises(FixSettings, match=expected) as told:
        write(store)
    assert waits.slept == []
    assert "\n" not in str(told.value)
    assert server.token not in str(told.value)


def test_points_older_than_the_bucket_keeps_are_refused_by_name(server: InfluxServer, store: InfluxSeriesStore) -> None:
    bucket = server.api.storage.bucket(server.api.storage.orgs[server.org], "market")
    assert bucket is not None
    bucket.rules = [{"type": "expire", "everySeconds": 86_400}]
    with pytest.raises(FixSettings, match="beyond retention policy dropped=3"):
        write(store)


def test_a_body_that_is_too_large_goes_in_halves(server: InfluxServer, store: InfluxSeriesStore) -> None:
    server.api.largest_body = 8000  # some thirty lines
    assert write(store, 100) == CandleWrite(inserted=100)
    assert count(store) == 100
    server.api.largest_body = 100
    with pytest.raises(FixSettings, match="batch_points"):
        write(store, 101)


def test_a_lost_confirmation_doubles_nothing(server: InfluxServer, store: InfluxSeriesStore) -> None:
    server.faults.plan(WRITE, Fault(lose_answer=True))
    assert write(store) == CandleWrite(inserted=3)
    assert count(store) == 3
    assert len(server.requests(WRITE)) == 2


@pytest.mark.parametrize("after", [0, 1, 40, 200])
def test_an_answer_cut_short_is_no_answer(
    server: InfluxServer, store: InfluxSeriesStore, waits: Waits, after: int
) -> None:
    write(store, 90)
    server.faults.plan(QUERY, Fault(cut_after_bytes=after))
    assert len(store.candles(SYMBOL, MINUTE)) == 90
    assert len(waits.slept) == 1
    server.faults.always(QUERY, Fault(cut_after_bytes=after))
    with pytest.raises(RetryLater):
        store.candles(SYMBOL, MINUTE)


def test_an_error_after_rows_is_no_answer(server: InfluxServer, store: InfluxSeriesStore) -> None:
    write(store)
    server.faults.always(QUERY, Fault(error_table="engine: cursor closed"))
    with pytest.raises(RetryLater, match="engine: cursor closed"):
        store.candles(SYMBOL, MINUTE)


def test_a_server_that_is_not_there(waits: Waits) -> None:
    access = Access("http://127.0.0.1:9", "token", "org", timeout_seconds=1, retry_seconds=1)
    nowhere = InfluxConnection(access, sleep=waits.sleep, monotonic_seconds=lambda: waits.now)
    with pytest.raises(
        RetryLater, match=r"InfluxDB \(http://127.0.0.1:9\) doesn't answer while writing: Connection refused$"
    ):
        nowhere.write("market", ["candles x=1 1"])
    assert waits.slept


def test_a_server_that_hangs(server: InfluxServer, waits: Waits) -> None:
    access = Access(server.url, server.token, server.org, timeout_seconds=0.2, retry_seconds=0)
    impatient = InfluxConnection(access, sleep=waits.sleep, monotonic_seconds=lambda: waits.now)
    release = threading.Event()
    server.faults.plan(WRITE, Fault(hold=release))
    try:
        with pytest.raises(RetryLater, match="doesn't answer"):
            impatient.write("market", ["candles x=1 1"])
    finally:
        release.set()


def test_another_server_than_influxdb_is_noticed(server: InfluxServer, connection: InfluxConnection) -> None:
    server.api.answer = lambda request, fault: Reply(200, {})  # type: ignore[method-assign]
    with pytest.raises(PlatformError, match="HTTP 200 instead of 204"):
        connection.write("market", ["candles x=1 1"])


def test_a_missing_bucket_is_made_by_whoever_misses_it(server: InfluxServer, store: InfluxSeriesStore) -> None:
    storage = server.api.storage
    kept = dict(storage.buckets)
    storage.buckets.clear()
    healed = []

    def heal() -> None:
        healed.append(1)
        storage.buckets.update(kept)

    store.connection.heal = heal
    assert write(store) == CandleWrite(inserted=3)
    assert healed == [1]


def test_a_bucket_that_stays_missing_is_told(server: InfluxServer, store: InfluxSeriesStore) -> None:
    server.api.storage.buckets.clear()
    store.connection.heal = lambda: None
    with pytest.raises(FixSettings, match="could not find bucket"):
        write(store)


def test_the_token_shows_nowhere(connection: InfluxConnection, server: InfluxServer) -> None:
    assert server.token not in repr(connection.access)


class _TokenFile:
    """What a connection reads its token from, as often as it asks."""

    def __init__(self, token: str) -> None:
        self.token: str | None = token
        self.reads = 0

    def __call__(self) -> str:
        self.reads += 1
        if self.token is None:
            raise FixSettings("the file is gone")
        return self.token


def test_a_token_that_cannot_be_read_keeps_nobody_from_the_rest(server: InfluxServer) -> None:
    held = _TokenFile("")
    held.token = None
    made = InfluxConnection(Access(server.url, held, server.org))
    for _ in range(2):
        with pytest.raises(FixSettings, match="the file is gone"):
            made.query("buckets()", {})
    held.token = server.token
    made.write("market", ["m v=1 1000"])
    made.close()


def test_a_token_that_was_replaced_is_taken_without_a_new_process(server: InfluxServer) -> None:
    held = _TokenFile(server.token)
    made = InfluxConnection(Access(server.url, held, server.org))
    made.write("market", ["m v=1 1000"])
    server.api.tokens["another"] = server.api.tokens.pop(server.token)
    with pytest.raises(FixSettings, match="401"):
        made.write("market", ["m v=1 2000"])
    held.token = "another"
    made.write("market", ["m v=1 2000"])
    assert held.reads == 4  # the first, at each of the two refusals, and for the new client
    made.close()


def test_a_token_that_is_refused_is_not_asked_with_for_ever(server: InfluxServer) -> None:
    counted = iter(range(100))
    made = InfluxConnection(Access(server.url, lambda: f"wrong-{next(counted)}", server.org))
    with pytest.raises(FixSettings, match="401"):
        made.write("market", ["m v=1 1000"])
    assert next(counted) < 5
    made.close()
