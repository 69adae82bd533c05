"""A running platform's own records: its ledger, Dagster's runs, the venue's books, and the archive it replays."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import ccxt
import psycopg2

from trading_platform.domain.candle import Candle
from trading_platform.runtime.endpoints import required_endpoints
from trading_platform.runtime.state_folder import StateFolder
from trading_platform_tests.support.archives import archive_rows
from trading_platform_tests.support.books import Comparison, ExchangeBooks
from trading_platform_tests.support.platform import RunningPlatform
from trading_platform_tests.support.simulated import SPOT_ONLY, ControlClient, repoint

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Records:
    """What a running platform has written down; the addresses stay the same for the life of its state folder."""

    platform: RunningPlatform

    @cached_property
    def _status(self) -> dict[str, Any]:
        return self.platform.wait_for(lambda: self._complete_status(), 60, "the addresses of the servers")

    def _complete_status(self) -> dict[str, Any] | None:
        status = self.platform.status()
        return status if status.get("simulator_url") and status.get("database_url") else None

    @property
    def ui_url(self) -> str:
        """Of the Dagster UI."""
        return str(self._status["ui_url"])

    @cached_property
    def simulator(self) -> ControlClient:
        """Control of the simulated exchange."""
        return ControlClient(self._status["simulator_url"])

    def ledger(self, *statements: str) -> list[Rows]:
        """Rows of queries that all see the ledger and the market data at one moment."""
        return _query(self._status["database_url"], statements)

    def dagster(self, statement: str) -> Rows:
        """Rows of Dagster's own storage."""
        [rows] = _query(self._status["dagster_database_url"], [statement])
        return rows

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        """What Dagster's web server answers."""
        request = urllib.request.Request(
            f"{self.ui_url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        assert "errors" not in found, found["errors"]
        return dict(found["data"])

    def market_time(self) -> datetime:
        """Where the venue's clock stands."""
        return _moment(self.simulator.get("clock")["market_time_ms"])

    def audit(self) -> Mapping[str, Mapping[str, Any]]:
        """What the exchange holds per asset, and whether its books balance."""
        found: Mapping[str, Mapping[str, Any]] = self.simulator.get("audit")
        return found

    def venue_order_ids(self) -> list[str]:
        """Client order ids of every order that the venue has accepted."""
        return [
            order["clientOrderId"]
            for symbol in SYMBOLS
            for order in self._client.private_get_allorders({"symbol": symbol.replace("/", ""), "limit": 1000})
        ]

    def differences(self, account: str) -> list[str]:
        """What ledger and exchange don't agree in; read one after the other, while both go on."""
        with closing(psycopg2.connect(self._status["database_url"])) as database:
            return Comparison(database, account, ExchangeBooks.asked(self._client, SYMBOLS)).differences()

    @cached_property
    def _client(self) -> Any:
        endpoints = required_endpoints(StateFolder.at(self.platform.state_dir))
        client = ccxt.binance(
            {
                "apiKey": endpoints.simulator_api_key,
                "secret": endpoints.simulator_api_secret,
                "options": SPOT_ONLY,
            }
        )
        client.urls["api"] = repoint(client.urls["api"], endpoints.simulator_port)
        return client


_SENSORS = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
    name location { name } sensors { name sensorState { id status } }
} } } }
"""


@dataclass(frozen=True)
class Sensor:
    """A sensor as GraphQL speaks of it."""

    status: str
    state_id: str
    selector: Mapping[str, str]


def repository_selector(records: Records) -> dict[str, str]:
    """What GraphQL wants to know of the platform's code location."""
    [repository] = records.graphql(_SENSORS)["repositoriesOrError"]["nodes"]
    return {"repositoryName": repository["name"], "repositoryLocationName": repository["location"]["name"]}


def sensors(records: Records) -> dict[str, Sensor]:
    """Every sensor by its name."""
    [repository] = records.graphql(_SENSORS)["repositoriesOrError"]["nodes"]
    home = repository_selector(records)
    return {
        sensor["name"]: Sensor(
            sensor["sensorState"]["status"], sensor["sensorState"]["id"], {**home, "sensorName": sensor["name"]}
        )
        for sensor in repository["sensors"]
    }


def stop_sensor(records: Records, name: str) -> None:
    """Switch a sensor off, as the UI's toggle does."""
    answer = records.graphql(
        "mutation($id: String!) { stopSensor(id: $id) { __typename } }", id=sensors(records)[name].state_id
    )
    assert answer["stopSensor"]["__typename"] == "StopSensorMutationResult", answer


def start_sensor(records: Records, name: str) -> None:
    """Switch a sensor on."""
    answer = records.graphql(
        "mutation($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }",
        selector=dict(sensors(records)[name].selector),
    )
    assert answer["startSensor"]["__typename"] == "Sensor", answer


CANDLES = "SELECT open_time, open, high, low, close, volume FROM candles WHERE symbol = '{}' ORDER BY open_time"


def as_candles(rows: Rows) -> list[Candle]:
    """Candles from rows of `CANDLES`."""
    return [Candle(*row) for row in rows]


@cache
def archive_candles(folder: Path, symbol: str) -> Sequence[Candle]:
    """Every candle of the archive that a replay reads."""
    rows = archive_rows(folder / f"{symbol.replace('/', '')}-1m.csv.gz")
    names = ("open", "high", "low", "close", "volume")
    return [Candle(_moment(int(row["open_time"])), *(Decimal(row[name]) for name in names)) for row in rows]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _query(url: str, statements: Sequence[str]) -> list[Rows]:
    connection = psycopg2.connect(url)
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    try:
        with connection, connection.cursor() as cursor:
            found = []
            for statement in statements:
                cursor.execute(statement)
                found.append([_in_utc(row) for row in cursor.fetchall()])
            return found
    finally:
        connection.close()


def _in_utc(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in row)
