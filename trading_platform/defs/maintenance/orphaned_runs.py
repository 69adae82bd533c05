"""Runs whose worker died: nobody else will ever end them, and each keeps its lane taken."""

from collections.abc import Callable

import dagster as dg

from trading_platform.defs.lanes import QUEUE_TAG

TASK_TAG = "dagster-celery/task_id"

_LAUNCHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def fail_runs_without_worker(
    instance: dg.DagsterInstance, why: str, is_lost: Callable[[dg.DagsterRun], bool] = lambda _: True
) -> list[str]:
    """Fail every launched run that `is_lost`; with no worker alive, all of them are.

    Returns
    -------
    list of str
        Their run ids.
    """
    lost = [run for run in instance.get_runs(dg.RunsFilter(statuses=_LAUNCHED)) if is_lost(run)]
    for run in lost:
        instance.report_run_failed(run, why)
    return [run.run_id for run in lost]


def queue_of(run: dg.DagsterRun) -> str | None:
    """The queue that the run was launched on."""
    return run.tags.get(QUEUE_TAG)
