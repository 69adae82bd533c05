"""The sweep ends what carries this state folder's mark, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from trading_platform.runtime.environment import PROCESS, SUPERVISED
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.sweep import sweep

# a child of its own: what is left behind is mostly grandchildren
_CHILD = "import time; print(1, flush=True); time.sleep(60)"
_PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}])"


@contextmanager
def _process(state: StateFolder, name: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {SUPERVISED: str(state.root), PROCESS: name}
    with subprocess.Popen([sys.executable, "-c", _PARENT], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            sweep(state)


def test_everything_of_a_state_folder_ends(tmp_path: Path) -> None:
    ours, others = StateFolder.at(tmp_path / "a"), StateFolder.at(tmp_path / "b")
    with _process(ours, "daemon") as swept, _process(others, "daemon") as spared:
        [grandchild] = psutil.Process(swept.pid).children()

        killed = sweep(ours)

        assert sorted(killed) == sorted([swept.pid, grandchild.pid])
        assert not psutil.pid_exists(swept.pid)
        assert spared.poll() is None


def test_only_the_named_process_ends(tmp_path: Path) -> None:
    state = StateFolder.at(tmp_path)
    with _process(state, "daemon") as daemon, _process(state, "webserver") as webserver:
        sweep(state, "daemon")

        assert not psutil.pid_exists(daemon.pid)
        assert webserver.poll() is None


def test_the_sweeper_and_its_ancestors_are_spared(tmp_path: Path) -> None:
    sweeper = (
        "from pathlib import Path; import sys;"
        "from trading_platform.runtime.state_folder import StateFolder;"
        "from trading_platform.runtime.sweep import sweep;"
        "print(sweep(StateFolder.at(Path(sys.argv[1]))))"
    )
    environment = os.environ | {SUPERVISED: str(StateFolder.at(tmp_path).root)}
    shell = f'"{sys.executable}" -c "{sweeper}" "{tmp_path}"; echo alive'

    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:2] == ["[]", "alive"]
