"""Where the platform's own servers listen and with which passwords: chosen at the first start, then remembered."""

from __future__ import annotations

import json
import secrets
import socket
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from trading_platform.domain.errors import FixSettings
from trading_platform.runtime.state_folder import StateFolder, write_private_json

LOOPBACK = "127.0.0.1"
_PORTS = ("postgres_port", "simulator_port", "code_location_port", "supervisor_port")


@dataclass(frozen=True)
class Endpoints:
    """Loopback ports and passwords of the embedded servers."""

    postgres_port: int
    simulator_port: int
    code_location_port: int
    supervisor_port: int
    postgres_password: str = field(repr=False)
    supervisor_password: str = field(repr=False)
    simulator_api_key: str = field(repr=False)
    simulator_api_secret: str = field(repr=False)


def read_endpoints(state: StateFolder) -> Endpoints | None:
    """The remembered endpoints, or None before the first start.

    Raises
    ------
    FixSettings
        The file is damaged or may not be read.
    """
    path = state.endpoints_file
    try:
        return Endpoints(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise FixSettings(f"{path} can't be read ({error}); restore it, or choose another --state-dir") from None


def required_endpoints(state: StateFolder) -> Endpoints:
    """The remembered endpoints of a folder that has been started before.

    Raises
    ------
    FixSettings
        Nothing was ever started in this folder.
    """
    endpoints = read_endpoints(state)
    if endpoints is None:
        raise FixSettings(
            f"nothing has run in {state.root} yet; start it with: trading-platform up, "
            "or name another folder with --state-dir"
        )
    return endpoints


def choose_endpoints(state: StateFolder) -> Endpoints:
    """Endpoints for a start: the remembered ones, with another port for each that a stranger has taken since."""
    remembered = read_endpoints(state)
    endpoints = remembered or Endpoints(
        postgres_port=0,
        simulator_port=0,
        code_location_port=0,
        supervisor_port=0,
        postgres_password=secrets.token_urlsafe(24),
        supervisor_password=secrets.token_urlsafe(24),
        simulator_api_key=secrets.token_hex(32),
        simulator_api_secret=secrets.token_hex(32),
    )
    taken = [name for name in _PORTS if not port_is_free(LOOPBACK, getattr(endpoints, name))]
    chosen: dict[str, Any] = dict(zip(taken, free_ports(len(taken)), strict=True))
    endpoints = replace(endpoints, **chosen)
    if endpoints != remembered:
        write_private_json(state.endpoints_file, asdict(endpoints))
    return endpoints


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now (port 0, "not chosen yet", counts as taken)."""
    if port == 0:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Distinct free ports below the range that systems hand out to clients, where one could be stolen meanwhile."""
    found: list[int] = []
    while len(found) < count:
        port = 20_000 + secrets.randbelow(10_000)
        if port not in found and port_is_free(LOOPBACK, port):
            found.append(port)
    return found
