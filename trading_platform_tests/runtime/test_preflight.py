"""What is refused before anything starts, each in one line that says how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_platform.domain.errors import FixSettings
from trading_platform.runtime.flags import other_flags, remember_flags
from trading_platform.runtime.preflight import check_alerts, check_market, check_store
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import Settings
from trading_platform_tests.support.influx import running_influx
from trading_platform_tests.support.plain_settings import plain_settings


def _replay(folder: Path) -> Settings:
    return Settings.model_validate({"replay": {"folder": folder}})


def test_a_replay_needs_a_folder_with_candles(tmp_path: Path) -> None:
    with pytest.raises(FixSettings, match=r"no folder .*nowhere"):
        check_market(_replay(tmp_path / "nowhere"))
    with pytest.raises(FixSettings, match="holds no candles"):
        check_market(_replay(tmp_path))

    (tmp_path / "BTCUSDT-1m.csv.gz").touch()
    check_market(_replay(tmp_path))


def test_a_venue_that_does_not_exist_is_refused() -> None:
    with pytest.raises(FixSettings, match=r"did you mean .*binance"):
        check_market(Settings.model_validate({"venue": {"name": "binanse"}}))

    check_market(Settings.model_validate({"venue": {"name": "binance"}}))


def test_an_alert_channel_that_is_not_understood_is_refused_without_its_secret() -> None:
    with pytest.raises(FixSettings, match=r"alerts.urls\[0\]") as refused:
        check_alerts(Settings.model_validate({"alerts": {"urls": ["nosuch://user:hidden@example.org"]}}))

    assert "hidden" not in str(refused.value)


def test_influxdb_is_made_ready_where_it_is_used() -> None:
    told: list[str] = []
    with running_influx() as server:
        access = {"url": server.url, "token": server.token, "org": server.org, "retry_seconds": 0}
        check_store(plain_settings(influxdb=access), told.append)
        assert (told, server.received) == ([], [])

        check_store(plain_settings(store={"kind": "influxdb"}, influxdb=access), told.append)
        assert [bucket.name for bucket in server.api.storage.buckets.values()] == [
            "trading_platform",
            "trading_platform_ticks",
        ]
        with pytest.raises(FixSettings, match=r"influxdb\.token"):
            check_store(plain_settings(store={"kind": "influxdb"}, influxdb=access | {"token": "wrong"}), told.append)
    assert told == ["Preparing InfluxDB"] * 2


def test_an_influxdb_that_is_away_stops_no_start() -> None:
    told: list[str] = []
    away = {"url": "http://127.0.0.1:9", "token": "t", "org": "o", "retry_seconds": 0}
    check_store(plain_settings(store={"kind": "influxdb"}, influxdb=away), told.append)
    assert "doesn't answer" in told[-1]


def test_other_flags_than_those_of_the_running_instance_are_named(tmp_path: Path) -> None:
    state = StateFolder.at(tmp_path)
    state.prepare()
    remember_flags(state, {"STATE_DIR": tmp_path, "ORCHESTRATION__UI_PORT": 3001, "VENUE__NAME": None})

    assert other_flags(state, {"ORCHESTRATION__UI_PORT": 3001}) == []
    assert other_flags(state, {"ORCHESTRATION__UI_PORT": 3002, "VENUE__NAME": "binance"}) == [
        "orchestration.ui_port",
        "venue.name",
    ]
