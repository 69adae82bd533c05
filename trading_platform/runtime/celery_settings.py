"""Celery's configuration: one source for the workers and for the launcher in Dagster's daemon."""

from __future__ import annotations

import os
from typing import Any

from trading_platform.runtime import folder_queue

QUEUES = ("market", "trading")
_POLLING_SECONDS = 0.1
_RESULT_SECONDS = 3600


def celery_settings() -> dict[str, Any]:
    """Settings of the Celery app, from the environment that :mod:`.environment` prepares.

    A worker takes one run at a time and holds no second one in memory, where a kill would lose it.
    """
    folder_queue.register()
    broker = os.environ["CELERY_BROKER"]
    in_folder = broker.startswith(f"{folder_queue.SCHEME}://")
    return {
        "broker_url": broker,
        "result_backend": os.environ["CELERY_RESULTS"],
        "broker_transport_options": {"polling_interval": _POLLING_SECONDS} if in_folder else {},
        "broker_connection_retry_on_startup": True,
        "result_expires": _RESULT_SECONDS,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "task_default_queue": QUEUES[0],
    }
