"""Commands that work on the running platform: its ports, and where it lives."""

from __future__ import annotations

from trading_platform.bootstrap import Platform
from trading_platform.domain.errors import FixSettings
from trading_platform.runtime.addresses import Addresses, resolve_addresses
from trading_platform.runtime.environment import settings_with
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.supervision import running_supervisor
from trading_platform.settings import Settings


def attach(settings: Settings) -> tuple[Platform, StateFolder, Addresses]:
    """The platform that runs on the settings' state folder, or on the servers that they name.

    Raises
    ------
    FixSettings
        None does.
    """
    state = StateFolder.at(settings.state_dir)
    if settings.servers.database is None and running_supervisor(state) is None:
        raise FixSettings(
            f"the platform doesn't run on {state.root}; start it with: trading-platform up, "
            "or name the folder of the one that runs with --state-dir"
        )
    addresses = resolve_addresses(settings, state)
    return Platform(settings_with(settings, addresses)), state, addresses
