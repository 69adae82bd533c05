"""Runs whose worker was killed: Dagster would wait for them, and keep their lane taken, until they time out."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

_IN_PROGRESS = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
_log = structlog.get_logger(__name__)


def fail_orphaned_runs(instance: DagsterInstance, is_orphaned: Callable[[DagsterRun], bool], reason: str) -> list[str]:
    """Mark runs in progress as failed.

    Parameters
    ----------
    is_orphaned
        Tells of a run in progress whether its worker is gone.
    reason
        Shown in the run's events.

    Returns
    -------
    list of str
        Ids of the runs that failed.
    """
    orphans = [run for run in instance.get_runs(RunsFilter(statuses=_IN_PROGRESS)) if is_orphaned(run)]
    for run in orphans:
        instance.report_run_failed(run, reason)
        _log.warning("orphaned run failed", run_id=run.run_id, job=run.job_name, reason=reason)
    return [run.run_id for run in orphans]


def main() -> None:
    """At the platform's start: no worker lives yet, so no run in progress has one."""
    with DagsterInstance.get() as instance:
        fail_orphaned_runs(instance, lambda _: True, "The platform was stopped while this run was in progress.")


if __name__ == "__main__":
    main()
