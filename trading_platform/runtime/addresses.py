"""Where every server of the platform is reached: external ones as the settings say, embedded ones as remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from pydantic import SecretStr

from trading_platform.runtime.endpoints import LOOPBACK, Endpoints, read_endpoints, required_endpoints
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
    simulator, simulator_api_key, simulator_api_secret
        The simulated exchange, where paper orders go on every venue, and the account's key there.
    code_location
        (host, port).
    ui
        The Dagster UI.
    """

    database: str = field(repr=False)
    dagster_database: str = field(repr=False)
    broker: str = field(repr=False)
    results: str = field(repr=False)
    simulator: str
    simulator_api_key: str = field(repr=False)
    simulator_api_secret: str = field(repr=False)
    code_location: tuple[str, int]
    ui: str


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
    embedded = read_endpoints(state)

    def known() -> Endpoints:
        return embedded or required_endpoints(state)

    def postgres(database: str) -> str:
        password = quote(known().postgres_password, safe="")
        return f"postgresql://{POSTGRES_USER}:{password}@{LOOPBACK}:{known().postgres_port}/{database}"

    dagster_database = _secret(servers.dagster_database) or postgres(DAGSTER_DATABASE)
    broker, results = _broker(settings, state, dagster_database)
    return Addresses(
        database=_secret(servers.database) or postgres(LEDGER_DATABASE),
        dagster_database=dagster_database,
        broker=broker,
        results=results,
        simulator=servers.simulator or f"http://{LOOPBACK}:{known().simulator_port}",
        simulator_api_key=_secret(servers.simulator_api_key) or known().simulator_api_key,
        simulator_api_secret=_secret(servers.simulator_api_secret) or known().simulator_api_secret,
        code_location=(
            _host_and_port(servers.code_location) if servers.code_location else (LOOPBACK, known().code_location_port)
        ),
        ui=servers.ui or f"http://{LOOPBACK}:{settings.orchestration.ui_port}",
    )


def _broker(settings: Settings, state: StateFolder, dagster_database: str) -> tuple[str, str]:
    """Broker and result backend: a server's results go to Dagster's database, where every client can ask for them."""
    external = settings.servers.broker
    if external:
        return external.get_secret_value(), dagster_database.replace("postgresql://", "db+postgresql://", 1)
    return f"folder://{quote(str(state.broker))}", f"file://{state.broker / 'results'}"


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
