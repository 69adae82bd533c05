"""What a server refuses and how it is told: the stand-in, and a real InfluxDB 2 in `make test-influx`, must agree."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from influxdb_client import Authorization, BucketRetentionRules, Permission, PermissionResource

from trading_platform.adapters.influxdb import InfluxSeriesStore, make_influx_store, prepare_influxdb
from trading_platform.adapters.influxdb.connection import Access, InfluxConnection
from trading_platform.adapters.influxdb.provision import BucketPlan, Provision, ticks_per_minute
from trading_platform.adapters.influxdb.refusals import BucketOrOrgMissing
from trading_platform.domain.errors import FixSettings, RefusedByStore
from trading_platform.domain.market import Ticker
from trading_platform.ports.series_store import CandleRange, RangeVersion
from trading_platform.settings import Settings
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle, minutes
from trading_platform_tests.support.influx.sites import INFLUX_SITES, InfluxSite, real_server_is_known
from trading_platform_tests.support.plain_settings import plain_settings

pytestmark = pytest.mark.integration
only_real = pytest.mark.skipif(not real_server_is_known(), reason="INFLUXDB_V2_* name no server: make test-influx")


@pytest.fixture(params=INFLUX_SITES)
def site(request: pytest.FixtureRequest) -> Iterator[InfluxSite]:
    """A server that is prepared."""
    with INFLUX_SITES[request.param]() as entered:
        yield entered


@pytest.fixture
def store(site: InfluxSite) -> Iterator[InfluxSeriesStore]:
    """An empty store there."""
    made = site.store()
    yield made
    made.connection.close()


def live(site: InfluxSite, **influx: object) -> Settings:
    """Settings of a market of today."""
    return plain_settings(store={"kind": "influxdb"}, influxdb=site.access | influx)


class _Hourless(BucketPlan):
    """Half an hour, which no settings ask for."""

    def retention(self) -> BucketRetentionRules:
        return BucketRetentionRules("expire", 1800, 1800)


def write(store: InfluxSeriesStore) -> None:
    store.write_candles(SYMBOL, MINUTE, [candle()], source="rest", received_at=START)


def test_preparing_again_changes_nothing(site: InfluxSite, store: InfluxSeriesStore) -> None:
    for _ in range(2):
        prepare_influxdb(live(site))
    client = store.connection.client
    found = [
        client.buckets_api().find_buckets(name=site.bucket + part, org=site.org).buckets for part in ("", "_ticks")
    ]
    assert [[bucket.retention_rules[0].every_seconds // 86_400 for bucket in each] for each in found] == [[3650], [7]]
    [task] = client.tasks_api().find_tasks(name=f"{site.bucket}_ticks per minute")
    assert task.status == "active"


def test_a_wrong_token_is_told(site: InfluxSite) -> None:
    with pytest.raises(FixSettings, match=r"HTTP 401.*influxdb\.token"):
        prepare_influxdb(site.settings(token="not-a-token-of-this-server"))


def test_candles_older_than_the_bucket_keeps_are_refused(site: InfluxSite) -> None:
    kept_short = make_influx_store(live(site, candle_days=2))
    with pytest.raises(FixSettings, match="retention policy"):
        write(kept_short)
    kept_short.connection.close()


def test_a_field_of_another_type_is_refused(store: InfluxSeriesStore) -> None:
    write(store)
    with pytest.raises(FixSettings, match="field type conflict"):
        store.connection.write(store.buckets.candles, ["candles,symbol=A,interval=1m close=1i 1740787200000"])


def test_a_new_field_of_two_types_is_refused_for_good_though_the_server_calls_itself_ill(
    store: InfluxSeriesStore,
) -> None:
    lines = ["odd,symbol=A f=1i 1740787200000", "odd,symbol=A f=1.5 1740787200001"]
    with pytest.raises(RefusedByStore, match=r"HTTP 500.*field type conflict"):
        store.connection.write(store.buckets.candles, lines)


def test_an_organisation_that_is_gone_is_no_bad_question(site: InfluxSite, store: InfluxSeriesStore) -> None:
    elsewhere = InfluxConnection(Access(site.url, site.token, "nobodys"))
    with pytest.raises(BucketOrOrgMissing, match="nobodys"):
        InfluxSeriesStore(elsewhere, store.buckets).count_candles(SYMBOL, MINUTE)
    with pytest.raises(BucketOrOrgMissing, match="nobodys"):
        write(InfluxSeriesStore(elsewhere, store.buckets))
    elsewhere.close()


def test_retention_that_the_server_does_not_take_is_refused_for_good(
    site: InfluxSite, store: InfluxSeriesStore
) -> None:
    too_short = Provision(
        store.connection, [BucketPlan(f"{site.bucket}_ticks", 0, 1), _Hourless(site.bucket, 1, 1)], []
    )
    with pytest.raises(RefusedByStore, match="retention policy"):
        too_short.make()


def test_a_malformed_line_is_refused_with_the_whole_batch(store: InfluxSeriesStore) -> None:
    with pytest.raises(FixSettings, match="HTTP 400"):
        store.connection.write(store.buckets.candles, ["candles,symbol=A,interval=1m revision=1i 1", "nonsense"])
    assert store.count_candles("A", MINUTE) == 0


def test_a_bucket_that_was_deleted_is_made_again(site: InfluxSite, store: InfluxSeriesStore) -> None:
    buckets = store.connection.client.buckets_api()
    for bucket in buckets.find_buckets(name=store.buckets.candles, org=site.org).buckets:
        buckets.delete_bucket(bucket)
    write(store)
    assert store.count_candles(SYMBOL, MINUTE) == 1


def test_a_dropped_value_is_gone_and_the_next_one_stays(store: InfluxSeriesStore) -> None:
    rows = {START + timedelta(milliseconds=number): {"ema_12": float(number)} for number in range(3)}
    store.write_indicators(SYMBOL, MINUTE, rows)
    assert store.prune_indicators(START + timedelta(milliseconds=2)) == 2
    assert list(store.indicators(SYMBOL, MINUTE, newest=5).values()) == [{"ema_12": 2.0}]


def test_writers_that_know_nothing_of_each_other_double_nothing(site: InfluxSite, store: InfluxSeriesStore) -> None:
    others = [site.store(batch_points=50) for _ in range(3)]
    many = [candle(minute) for minute in range(400)]

    def write_all(each: InfluxSeriesStore) -> None:
        each.write_candles(SYMBOL, MINUTE, many, source="rest", received_at=START)
        each.connection.close()

    with ThreadPoolExecutor(len(others)) as threads:
        list(threads.map(write_all, others))

    assert store.candles(SYMBOL, MINUTE) == many
    [version] = store.versions([CandleRange(SYMBOL, MINUTE, minutes(0), minutes(399))])
    assert version.inside == RangeVersion(400, 0)


@pytest.mark.parametrize("deed", ["read", "write"])
def test_a_token_that_may_do_half_of_it_is_told_at_the_start(
    site: InfluxSite, store: InfluxSeriesStore, deed: str
) -> None:
    client = store.connection.client
    [org] = client.organizations_api().find_organizations(org=site.org)
    resources = [PermissionResource(type=kind, org_id=org.id) for kind in ("buckets", "orgs", "tasks")]
    permissions = [Permission(action=deed, resource=resource) for resource in resources]
    made = client.authorizations_api().create_authorization(org_id=org.id, permissions=permissions)
    try:
        with pytest.raises(FixSettings, match="token"):
            prepare_influxdb(site.settings(token=made.token))
    finally:
        client.authorizations_api().delete_authorization(made)


def token_that_may(
    site: InfluxSite, store: InfluxSeriesStore, *permissions: tuple[str, str, str | None]
) -> Authorization:
    """A token of its own: action, kind of resource, id of the one resource or None for all."""
    client = store.connection.client
    [org] = client.organizations_api().find_organizations(org=site.org)
    return client.authorizations_api().create_authorization(
        org_id=org.id,
        permissions=[
            Permission(action=action, resource=PermissionResource(type=kind, org_id=org.id, id=which))
            for action, kind, which in permissions
        ],
    )


def test_a_token_for_the_two_buckets_alone_is_enough_where_they_are(site: InfluxSite, store: InfluxSeriesStore) -> None:
    client = store.connection.client
    names = (store.buckets.candles, store.buckets.ticks)
    found = [client.buckets_api().find_buckets(name=name, org=site.org).buckets[0].id for name in names]
    made = token_that_may(site, store, *((deed, "buckets", each) for deed in ("read", "write") for each in found))
    try:
        prepare_influxdb(site.settings(token=made.token))
        narrow = site.store(token=made.token)
        write(narrow)
        assert narrow.count_candles(SYMBOL, MINUTE) == 1
        narrow.connection.close()
    finally:
        client.authorizations_api().delete_authorization(made)


def test_a_token_that_may_not_make_tasks_is_told_at_the_start(site: InfluxSite, store: InfluxSeriesStore) -> None:
    [org] = store.connection.client.organizations_api().find_organizations(org=site.org)
    buckets = ((deed, "buckets", None) for deed in ("read", "write"))
    made = token_that_may(site, store, ("read", "orgs", org.id), *buckets)
    try:
        with pytest.raises(FixSettings, match=r"making a task.*its tasks"):
            prepare_influxdb(live(site, token=made.token))
    finally:
        store.connection.client.authorizations_api().delete_authorization(made)


@only_real
def test_the_ticks_of_a_minute_become_one_influxdb_server() -> None:
    with INFLUX_SITES["influxdb-server"]() as site:
        prepare_influxdb(live(site))
        store = make_influx_store(live(site))
        minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
        first = Ticker(SYMBOL, Decimal(1), Decimal(3), Decimal(2), minute, minute)
        store.write_tickers([first, replace(first, last=Decimal("2.5"), venue_time=minute + timedelta(seconds=30))])

        query = ticks_per_minute(store.buckets.ticks, store.buckets.candles).flux.partition("\n\n")[2]
        store.connection.query(query, {})

        tables = store.connection.client.query_api().query(
            f'from(bucket: "{store.buckets.candles}") |> range(start: -10m)'
            ' |> filter(fn: (r) => r._measurement == "tickers_1m" and r._field == "last")'
        )
        assert [(row.get_time(), row.get_value()) for table in tables for row in table.records] == [(minute, 2.5)]
        store.connection.close()
