"""Where every server of the platform is reached: external ones as the settings say, embedded ones as remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from trading_platform.runtime.endpoints import LOOPBACK, Endpoints, required_endpoints
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import Settings

POSTGRES_USER = "trading"
LEDGER_DATABASE = "trading"
DAGSTER_DATABASE = "dagster"


@dataclass(frozen=True)
class Addresses:
    """URLs with their passwords, so never in a repr.

    Parameters
    ----------
    database, dagster_database
        PostgreSQL URLs that psql understands.
    broker, results
        Celery's broker and result backend.
    simulator
        The simulated exchange; None when another venue trades.
    code_location, ui
        (host, port).
    """

    database: str = field(repr=False)
    dagster_database: str = field(repr=False)
    broker: str = field(repr=False)
    results: str = field(repr=False)
    simulator: str
    code_location: tuple[str, int]
    ui: tuple[str, int]

    @property
    def ui_url(self) -> str:
        """The Dagster UI's address."""
        return f"http://{self.ui[0]}:{self.ui[1]}"

    @property
    def simulator_port(self) -> int:
        """Where the simulated exchange listens."""
        return urlsplit(self.simulator).port or 80


def embeds_postgres(settings: Settings) -> bool:
    """Whether the platform runs its own PostgreSQL."""
    return settings.servers.database is None or settings.servers.dagster_database is None


def embeds_simulator(settings: Settings) -> bool:
    """Whether the platform runs the simulated exchange."""
    return settings.servers.simulator is None


def resolve_addresses(settings: Settings, state: StateFolder) -> Addresses:
    """Addresses of all servers.

    Raises
    ------
    FixSettings
        An embedded server's address is wanted and nothing has been started in the state folder yet.
    """
    servers = settings.servers
    wants_embedded = None in (servers.database, servers.dagster_database, servers.simulator, servers.code_location)
    endpoints = required_endpoints(state) if wants_embedded else None
    database = servers.database.get_secret_value() if servers.database else _embedded(endpoints, LEDGER_DATABASE)
    dagster_database = (
        servers.dagster_database.get_secret_value()
        if servers.dagster_database
        else _embedded(endpoints, DAGSTER_DATABASE)
    )
    broker, results = _broker(settings, state, dagster_database)
    return Addresses(
        database=database,
        dagster_database=dagster_database,
        broker=broker,
        results=results,
        simulator=servers.simulator or f"http://{LOOPBACK}:{_known(endpoints).simulator_port}",
        code_location=(
            _host_and_port(servers.code_location)
            if servers.code_location
            else (LOOPBACK, _known(endpoints).code_location_port)
        ),
        ui=(LOOPBACK, settings.orchestration.ui_port),
    )


def _embedded(endpoints: Endpoints | None, database: str) -> str:
    known = _known(endpoints)
    password = quote(known.postgres_password, safe="")
    return f"postgresql://{POSTGRES_USER}:{password}@{LOOPBACK}:{known.postgres_port}/{database}"


def _broker(settings: Settings, state: StateFolder, dagster_database: str) -> tuple[str, str]:
    """Broker and result backend: a server's results go to Dagster's database, where every client can ask for them."""
    external = settings.servers.broker
    if external:
        return external.get_secret_value(), dagster_database.replace("postgresql://", "db+postgresql://", 1)
    return f"folder://{quote(str(state.broker))}", f"file://{state.broker / 'results'}"


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _known(endpoints: Endpoints | None) -> Endpoints:
    assert endpoints is not None
    return endpoints
