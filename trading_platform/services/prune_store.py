"""Dropping what a store keeps for a while only; where a remote store is silent it is put off, and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.series_store import SeriesStore

log = structlog.get_logger()


@dataclass(frozen=True)
class PrunedStore:
    """What has gone.

    Parameters
    ----------
    postponed
        What hasn't been dropped this time, and why; the next time drops it with what has come to it.
    """

    rows: int
    postponed: tuple[str, ...] = ()


def prune_store(store: SeriesStore, *, indicators_before: datetime, metrics_before: datetime) -> PrunedStore:
    """Drop old indicators and old metrics, each for itself."""
    deeds: dict[str, Callable[[], int]] = {
        "indicators": lambda: store.prune_indicators(indicators_before),
        "metrics": lambda: store.prune_metrics(metrics_before),
    }
    rows, postponed = 0, []
    for what, drop in deeds.items():
        try:
            rows += drop()
        except RetryLater as silence:
            log.warning("pruning_postponed", what=what, why=str(silence))
            postponed.append(f"{what}: {silence}")
    return PrunedStore(rows, tuple(postponed))
