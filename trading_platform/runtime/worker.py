"""What the platform adds to a Celery worker: start anew when its child was killed, fail what its predecessor left
behind, and clear old results.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from celery import current_app, signals
from celery.result import AsyncResult
from dagster import DagsterInstance, DagsterRun
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from trading_platform.runtime.orphaned_runs import fail_orphaned_runs

_CLEANUP_SECONDS = 3600.0
_cleaned_at = time.monotonic()


@signals.worker_init.connect  # type: ignore[untyped-decorator]  # celery carries no types
def fail_runs_of_predecessor(sender: Any, **_: Any) -> None:
    """Before the first message is taken: a run that this worker's name was executing has nobody to end it.

    Runs in the parent, before it forks; the instance's connections are closed again by then.
    """
    name = sender.hostname

    def was_ours(run: DagsterRun) -> bool:
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task is None:
            return False
        result = AsyncResult(task, app=current_app._get_current_object())
        return result.state == "STARTED" and isinstance(result.info, dict) and result.info.get("hostname") == name

    with DagsterInstance.get() as instance:
        fail_orphaned_runs(instance, was_ours, f"The worker {name} was killed while this run was in progress.")


@signals.worker_ready.connect  # type: ignore[untyped-decorator]  # celery carries no types
def die_with_a_killed_child(sender: Any, **_: Any) -> None:
    """A child that is killed while it waits takes the lock of the pool's queue along: no later child gets any work.

    So the parent follows it, the supervisor starts both anew, and the run that was interrupted is failed as above.
    """

    def follow(child: Any) -> None:
        if child.exitcode is not None and child.exitcode < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sender.pool._pool.on_process_down = follow


@signals.task_postrun.connect  # type: ignore[untyped-decorator]  # celery carries no types
def clear_old_results(**_: Any) -> None:
    """Once an hour: Celery removes expired results only where its beat runs."""
    global _cleaned_at
    if time.monotonic() - _cleaned_at > _CLEANUP_SECONDS:
        _cleaned_at = time.monotonic()
        current_app.backend.cleanup()
