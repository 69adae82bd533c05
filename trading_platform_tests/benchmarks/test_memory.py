"""The soak's judgement: start-up is let pass, growth per reconnect isn't, however slow."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmarks.memory import FLAT_MIB_PER_HOUR, SAMPLE_SECONDS, Memory, Sample, memory_of

MIB = 2**20
TWO_HOURS = 7200.0
RECONNECTS_PER_HOUR = 240


def curve(mib: Callable[[float], float]) -> Memory:
    """Two hours of samples of a size that depends on the hours passed."""
    times = [number * SAMPLE_SECONDS for number in range(int(TWO_HOURS / SAMPLE_SECONDS) + 1)]
    samples = [Sample(at, int(mib(at / 3600) * MIB), int(RECONNECTS_PER_HOUR * at / 3600)) for at in times]
    return Memory(1, samples)


def test_what_fills_in_the_first_third_is_no_growth() -> None:
    figures = curve(lambda hours: 230 + 30 * min(hours, 0.6)).figures(TWO_HOURS)
    assert figures["mib_per_hour"] == 0
    assert figures["mib_per_hour_by_thirds"][0] > FLAT_MIB_PER_HOUR
    assert figures["kib_per_reconnect"] == 0
    assert (figures["first_mib"], figures["last_mib"]) == (248, 248)


def test_what_goes_on_filling_is_growth_though_it_ends_before_the_run() -> None:
    figures = curve(lambda hours: 230 + 30 * min(hours, 1.2)).figures(TWO_HOURS)
    assert figures["mib_per_hour"] > FLAT_MIB_PER_HOUR


def test_what_every_reconnect_keeps_is_told() -> None:
    figures = curve(lambda hours: 230 + RECONNECTS_PER_HOUR * hours * 80 / 1024).figures(TWO_HOURS)
    assert figures["mib_per_hour"] > FLAT_MIB_PER_HOUR
    assert 78 < figures["kib_per_reconnect"] < 82


def test_without_a_reconnect_there_is_nothing_to_tell_of_one() -> None:
    memory = Memory(1, [Sample(at, 230 * MIB, 0) for at in (0.0, 3000.0, 5000.0, 7200.0)])
    assert memory.figures(TWO_HOURS)["kib_per_reconnect"] is None


def test_what_a_process_allocates_is_its_memory() -> None:
    process = psutil.Process()
    before = memory_of(process)
    allocated = bytearray(os.urandom(MIB)) * 32
    assert memory_of(process) - before > 30 * MIB
    assert len(allocated) == 32 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's share of mapped files; CI runs there")
def test_a_library_that_others_have_loaded_too_is_not(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.write_bytes(os.urandom(MIB) * 32)
    process = psutil.Process()
    before = memory_of(process)
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[at] for at in range(0, len(mapped), mmap.PAGESIZE)) > 0
        assert memory_of(process) - before < 2 * MIB


def test_a_process_that_has_ended_is_told_as_one() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    child.communicate()
    with pytest.raises(psutil.NoSuchProcess):
        memory_of(process)
