"""What a start makes on the server, and the one line it says when it can't."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from trading_platform.adapters.influxdb import make_influx_store, prepare_influxdb
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.settings import Settings
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle
from trading_platform_tests.support.influx import Fault, InfluxServer, running_influx
from trading_platform_tests.support.influx.access import Grants
from trading_platform_tests.support.plain_settings import plain_settings

DAY = 86_400


@pytest.fixture
def bare() -> Iterator[InfluxServer]:
    """A server that is set up and holds nothing."""
    with running_influx() as running:
        yield running


def settings(server: InfluxServer, *, replayed: bool = False, **influx: Any) -> Settings:
    given = {"url": server.url, "token": server.token, "org": server.org, "retry_seconds": 0}
    return plain_settings(
        store={"kind": "influxdb"}, influxdb=given | influx, replay={"folder": "."} if replayed else {}
    )


def buckets(server: InfluxServer) -> dict[str, int]:
    return {bucket.name: bucket.rules[0]["everySeconds"] for bucket in server.api.storage.buckets.values()}


def test_what_is_missing_is_made_once(bare: InfluxServer) -> None:
    for _ in range(2):
        prepare_influxdb(settings(bare))
    assert buckets(bare) == {"trading_platform": 3650 * DAY, "trading_platform_ticks": 7 * DAY}
    [task] = bare.api.storage.tasks.values()
    assert (task["name"], task["every"], task["status"]) == ("trading_platform_ticks per minute", "1m", "active")
    assert 'to(bucket: "trading_platform")' in task["flux"]


def test_an_organisation_that_is_missing_is_made(bare: InfluxServer) -> None:
    prepare_influxdb(settings(bare, org="mine"))
    assert set(bare.api.storage.orgs) == {bare.org, "mine"}
    assert {bucket.org_id for bucket in bare.api.storage.buckets.values()} == {bare.api.storage.orgs["mine"]}


def test_candles_are_kept_longer_if_the_settings_say_so_and_never_shorter(bare: InfluxServer) -> None:
    for days, kept in ((30, 30), (60, 60), (10, 60), (0, 0), (10, 0)):
        prepare_influxdb(settings(bare, candle_days=days))
        assert buckets(bare)["trading_platform"] == kept * DAY


def test_a_replay_has_buckets_of_its_own_where_nothing_expires(bare: InfluxServer) -> None:
    prepare_influxdb(settings(bare, replayed=True))
    assert buckets(bare) == {"trading_platform_replay": 0, "trading_platform_replay_ticks": 0}
    assert bare.api.storage.tasks == {}


def test_a_task_that_has_changed_is_brought_up_to_date(bare: InfluxServer) -> None:
    prepare_influxdb(settings(bare))
    [task] = bare.api.storage.tasks.values()
    ours, task["flux"] = task["flux"], "option task = {name: old}"
    prepare_influxdb(settings(bare))
    assert task["flux"] == ours


def test_the_first_write_makes_what_is_missing(bare: InfluxServer) -> None:
    store = make_influx_store(settings(bare, candle_days=0))
    store.write_candles(SYMBOL, MINUTE, [candle()], source="rest", received_at=START)
    assert store.count_candles(SYMBOL, MINUTE) == 1
    assert "trading_platform_ticks" in buckets(bare)


def test_a_bucket_that_another_process_makes_first_is_no_trouble(bare: InfluxServer) -> None:
    conflict = Fault(422, "conflict", "bucket with name trading_platform already exists")
    prepare_influxdb(settings(bare))
    bare.api.storage.buckets.clear()
    bare.faults.plan("/api/v2/buckets", None, conflict)
    with pytest.raises(FixSettings, match="lacks what writing needs"):  # not by the bucket that isn't there, though
        prepare_influxdb(settings(bare))
    prepare_influxdb(settings(bare))


@pytest.mark.parametrize("lacking", ["read", "write", "buckets", "tasks"])
def test_a_permission_that_is_missing_shows_at_the_start(bare: InfluxServer, lacking: str) -> None:
    bare.api.tokens["limited"] = replace(Grants(), **{lacking: False})
    with pytest.raises(FixSettings, match="token") as told:
        prepare_influxdb(settings(bare, token="limited"))
    assert "\n" not in str(told.value)
    assert "limited" not in str(told.value)


def test_an_organisation_that_may_not_be_made_shows_at_the_start(bare: InfluxServer) -> None:
    bare.api.tokens["limited"] = Grants(orgs=False)
    with pytest.raises(FixSettings, match="making the organisation"):
        prepare_influxdb(settings(bare, token="limited", org="mine"))


def test_a_token_that_is_limited_to_what_is_needed_suffices(bare: InfluxServer) -> None:
    prepare_influxdb(settings(bare))
    bare.api.tokens["limited"] = Grants(buckets=False, orgs=False, tasks=False)
    prepare_influxdb(settings(bare, token="limited"))


def test_a_wrong_token_shows_at_the_start(bare: InfluxServer) -> None:
    with pytest.raises(FixSettings, match=r"HTTP 401: unauthorized access.*influxdb\.token"):
        prepare_influxdb(settings(bare, token="guessed"))


def test_a_server_that_nobody_has_set_up_shows_at_the_start(bare: InfluxServer) -> None:
    bare.api.is_set_up = False
    with pytest.raises(FixSettings, match="isn't set up yet: run 'influx setup'"):
        prepare_influxdb(settings(bare))


@pytest.mark.parametrize("body", ['{"errors": [], "name": null}', "<html><body>name: status</body></html>", "OK", "[]"])
def test_a_server_of_another_kind_shows_at_the_start(bare: InfluxServer, body: str) -> None:
    bare.faults.plan("/health", Fault(body=body))
    with pytest.raises(FixSettings, match=r"unlike an InfluxDB 2.*check influxdb\.url"):
        prepare_influxdb(settings(bare))


def test_a_server_that_is_starting_is_asked_again_later(bare: InfluxServer) -> None:
    bare.api.health = "fail"
    with pytest.raises(RetryLater, match="told to be unwell"):
        prepare_influxdb(settings(bare))
    bare.api.health, bare.api.readiness = "pass", "starting"
    with pytest.raises(RetryLater, match="isn't ready: starting"):
        prepare_influxdb(settings(bare))


def test_the_token_may_stand_in_a_file(bare: InfluxServer, tmp_path: Any) -> None:
    file = tmp_path / "token"
    file.write_text(f"{bare.token}\n")
    prepare_influxdb(settings(bare, token=None, token_file=file))
    assert buckets(bare)
    file.write_text("\n")
    with pytest.raises(FixSettings, match="is empty"):
        prepare_influxdb(settings(bare, token=None, token_file=file))
    file.unlink()
    with pytest.raises(FixSettings, match="can't be read"):
        prepare_influxdb(settings(bare, token=None, token_file=file))
