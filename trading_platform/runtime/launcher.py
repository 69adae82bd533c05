"""Launches runs on the warm Celery workers (named by ``dagster.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher

from trading_platform.runtime.celery_settings import celery_settings


class WarmRunLauncher(CeleryRunLauncher):
    """dagster-celery's launcher, configured as the workers are, from the same environment."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure in ``dagster.yaml``."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> WarmRunLauncher:
        """Build it as Dagster does for the classes that ``dagster.yaml`` names."""
        del config_value
        settings = celery_settings()
        return cls(
            broker=settings["broker_url"],
            backend=settings["result_backend"],
            default_queue=settings["task_default_queue"],
            config_source=settings,
            inst_data=inst_data,
        )
