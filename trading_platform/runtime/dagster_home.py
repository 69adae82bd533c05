"""DAGSTER_HOME in the state folder, made from the project's ``dagster.yaml`` and ``workspace.yaml``."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import Settings

PROJECT = Path(__file__).parents[2]


def write_dagster_home(settings: Settings, state: StateFolder) -> None:
    """Put both files where DAGSTER_HOME points; readers never see a part of one."""
    instance = (PROJECT / "dagster.yaml").read_text()
    if settings.orchestration.launcher == "subprocess":
        instance = _stock(instance)
    _replace(state.dagster_home / "dagster.yaml", instance)
    _replace(state.dagster_home / "workspace.yaml", (PROJECT / "workspace.yaml").read_text())


def _stock(instance: str) -> str:
    """As Dagster comes: a new process for each run, a new connection for each query, its own pace of dequeuing."""
    config = yaml.safe_load(instance)
    config["storage"] = {"postgres": config["storage"]["custom"]["config"]}
    del config["run_launcher"]
    del config["run_coordinator"]
    return yaml.safe_dump(config, sort_keys=False)


def _replace(path: Path, text: str) -> None:
    if path.is_file() and path.read_text() == text:
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
