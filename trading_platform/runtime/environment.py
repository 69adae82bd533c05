"""The environment that every process of the platform runs in."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from trading_platform.runtime.addresses import Addresses
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import ENVIRONMENT_PREFIX, PINNED, Settings, pinned, settings_file

SUPERVISED = ENVIRONMENT_PREFIX + "SUPERVISED"
"""Marks each process of a running instance with its state folder, for the sweep."""

PROCESS = ENVIRONMENT_PREFIX + "PROCESS"
"""Marks each process, and what it starts, with its name in the process table."""

_CELERY_CONFIG = Path(__file__).with_name("celery_config")


def child_environment(settings: Settings, state: StateFolder, addresses: Addresses) -> dict[str, str]:
    """Environment for a process of the platform: what this process has, with every address filled in.

    Children read the same settings as their parent, wherever they run: file and state folder are absolute.
    """
    environment = dict(os.environ)
    named_file = settings_file()
    if named_file.is_file():
        environment[ENVIRONMENT_PREFIX + "SETTINGS_FILE"] = str(named_file.resolve())
    environment |= {
        PINNED: pinned(settings),
        ENVIRONMENT_PREFIX + "STATE_DIR": str(state.root),
        ENVIRONMENT_PREFIX + "ORCHESTRATION__UI_PORT": str(settings.orchestration.ui_port),
        ENVIRONMENT_PREFIX + "SERVERS__DATABASE": addresses.database,
        ENVIRONMENT_PREFIX + "SERVERS__DAGSTER_DATABASE": addresses.dagster_database,
        ENVIRONMENT_PREFIX + "SERVERS__SIMULATOR": addresses.simulator,
        ENVIRONMENT_PREFIX + "SERVERS__SIMULATOR_API_KEY": addresses.simulator_api_key,
        ENVIRONMENT_PREFIX + "SERVERS__SIMULATOR_API_SECRET": addresses.simulator_api_secret,
        ENVIRONMENT_PREFIX + "SERVERS__UI": addresses.ui,
        "DAGSTER_HOME": str(state.dagster_home),
        "DAGSTER_POSTGRES_URL": addresses.dagster_database,
        "DAGSTER_CODE_LOCATION_HOST": addresses.code_location[0],
        "DAGSTER_CODE_LOCATION_PORT": str(addresses.code_location[1]),
        "CELERY_BROKER": addresses.broker,
        "CELERY_RESULTS": addresses.results,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_CELERY_CONFIG), os.environ.get("PYTHONPATH", "")])),
    }
    return environment


def settings_with(settings: Settings, addresses: Addresses) -> Settings:
    """The settings as the platform's children see them: every server's address filled in."""
    servers = settings.servers.model_copy(
        update={
            "database": SecretStr(addresses.database),
            "dagster_database": SecretStr(addresses.dagster_database),
            "simulator": addresses.simulator,
            "simulator_api_key": SecretStr(addresses.simulator_api_key),
            "simulator_api_secret": SecretStr(addresses.simulator_api_secret),
            "ui": addresses.ui,
        }
    )
    return settings.model_copy(update={"servers": servers})
