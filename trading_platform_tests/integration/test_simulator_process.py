"""The simulator as a process of its own: it starts, says what's wrong, and ends at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
from decimal import Decimal
from pathlib import Path
from trading_platform.simulator.config import AccountConfig, SimulatorConfig, SyntheticMarketConfig
from trading_platform.simulator.server import serve
account = AccountConfig("main", "key", "secret", {"USDT": Decimal(100)})
market = SyntheticMarketConfig(history_candles=600)
sys.exit(serve(SimulatorConfig(Path(sys.argv[1]), market, (account,), port=int(sys.argv[2]))))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(database: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(database), str(port)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def get(port: int, path: str) -> object:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the simulator does not answer")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_with_a_socket_open(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with process(tmp_path / "exchange.sqlite3", port) as running:
        get(port, "/control/health")
        with socket.create_connection(("127.0.0.1", port)):
            os.kill(running.pid, number)
            assert running.wait(timeout=10) == 0


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with process(tmp_path / "exchange.sqlite3", port) as running:
            _, complaint = running.communicate(timeout=30)
    assert running.returncode == 2
    assert f"can't listen on 127.0.0.1:{port}" in complaint
    assert len(complaint.strip().splitlines()) == 1


def test_its_books_survive_being_killed(tmp_path: Path) -> None:
    port = free_port()
    database = tmp_path / "exchange.sqlite3"
    with process(database, port) as running:
        before = get(port, "/control/audit")
        os.kill(running.pid, signal.SIGKILL)
        running.wait(timeout=10)
    with process(database, port):
        assert get(port, "/control/audit") == before
