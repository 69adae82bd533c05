"""Memory of the platform's processes over time: is it flat, and what does a reconnect cost?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from benchmarks.platform_run import RunningPlatform

SAMPLE_SECONDS = 15.0
WARM_UP_SHARE = 1 / 3
FLAT_MIB_PER_HOUR = 5.0
"""Less than what a socket's client takes anew at each reconnect would add up to, were it kept."""

_MIB = 2**20
_OWN_SHARES = frozenset({"Pss_Anon:", "Pss_Shmem:", "SwapPss:"})


@dataclass(frozen=True)
class Sample:
    """One look at a process.

    Parameters
    ----------
    at
        Seconds since the run began.
    reconnects
        Of the stream's busiest symbol until then.
    """

    at: float
    size: int
    reconnects: int


@dataclass
class Memory:
    """Memory of one process over time."""

    pid: int
    samples: list[Sample] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[Sample]:
        """The samples of a part of the run."""
        return [sample for sample in self.samples if begin <= sample.at <= end]

    def mib_per_hour(self, begin: float, end: float) -> float | None:
        """Slope of the least-squares line through a part of the samples; None with fewer than three."""
        samples = self.between(begin, end)
        if len(samples) < 3:
            return None
        slope = statistics.linear_regression([each.at for each in samples], [each.size for each in samples]).slope
        return slope * 3600 / _MIB

    def kib_per_reconnect(self, begin: float, end: float) -> float | None:
        """Growth from the first to the last of a part of the samples, by the reconnects between; None without any."""
        samples = self.between(begin, end)
        reconnects = samples[-1].reconnects - samples[0].reconnects if samples else 0
        return (samples[-1].size - samples[0].size) / 1024 / reconnects if reconnects > 0 else None

    def figures(self, seconds: float) -> dict[str, Any]:
        """The curve, and what it comes to after the warm-up of a run of so many seconds.

        A kind of trouble that comes for the first time loads modules, compiles statements and fills caches, once; and
        since the kinds come at random, a fixed few minutes are no warm-up. In the first third of two hours each has
        come about once. What would be kept of every reconnect shows in the other two thirds all the same; the slopes of
        the thirds let one see that it is the growth that ends, not the patience.
        """
        thirds = [0.0, seconds / 3, seconds * 2 / 3, max(seconds, self.samples[-1].at)]
        warm, end = seconds * WARM_UP_SHARE, thirds[-1]
        sizes = [each.size / _MIB for each in self.between(warm, end) or self.samples]
        return {
            "samples": len(self.samples),
            "warm_up_seconds": round(warm),
            "first_mib": round(sizes[0], 1),
            "last_mib": round(sizes[-1], 1),
            "largest_mib": round(max(sizes), 1),
            "mib_per_hour": _rounded(self.mib_per_hour(warm, end)),
            "mib_per_hour_by_thirds": [_rounded(self.mib_per_hour(*part)) for part in pairwise(thirds)],
            "kib_per_reconnect": _rounded(self.kib_per_reconnect(warm, end)),
            "mib_every_five_minutes": [
                round(each.size / _MIB, 1) for each in self.samples[:: int(300 / SAMPLE_SECONDS)]
            ],
        }


class MemoryMeter:
    """Memory of every process of the platform, by its name in `status`."""

    def __init__(self, running: RunningPlatform, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self._running, self._monotonic_seconds = running, monotonic_seconds
        self._began = monotonic_seconds()
        self.processes: dict[str, Memory] = {}

    def sample(self) -> None:
        """Note every process's size; a process that was restarted begins anew under a name of its own."""
        at, status = self._monotonic_seconds() - self._began, self._running.status()
        streams = (status["summary"] or {}).get("streams", {})
        reconnects = max((stream["reconnects"] for stream in streams.values()), default=0)
        for row in status["processes"]:
            if row["pid"] is None:
                continue
            try:
                root = psutil.Process(row["pid"])
                size = sum(memory_of(each) for each in (root, *root.children(recursive=True)))
            except psutil.Error:
                continue
            name = row["name"]
            if name in self.processes and self.processes[name].pid != row["pid"]:
                name = f"{name} (pid {row['pid']})"
            self.processes.setdefault(name, Memory(row["pid"])).samples.append(Sample(at, size, reconnects))


def memory_of(process: psutil.Process) -> int:
    """Bytes of a process that nothing but itself and its forks account for, what several share counted once.

    Linux: the proportional share of anonymous memory, of shared memory (PostgreSQL's connections each show its whole
    shared buffers) and of what was swapped out. Pages of libraries are left out: their share is divided by everybody
    who has the same file open, so it grows in all processes in the same minute when a stranger ends (measured: 4 MiB in
    an idle webserver as another Python that had the same packages loaded went away), and a leak can't lie in them.
    Elsewhere what only this process has (USS) is the nearest figure.
    """
    shares = Path(f"/proc/{process.pid}/smaps_rollup")
    if not shares.exists():
        return process.memory_full_info().uss
    try:
        lines = [line.split() for line in shares.read_text().splitlines()[1:]]
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(process.pid) from error
    return 1024 * sum(int(kib) for name, kib, _ in lines if name in _OWN_SHARES)


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 2)
