"""VictoriaMetrics, a second implementation of InfluxDB 2's writing (Debian: victoria-metrics)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trading_platform.runtime.endpoints import free_ports

_START_SECONDS = 30.0
_NAMES = ("victoria-metrics", "victoria-metrics-prod", "victoriametrics")


def find_binary() -> str | None:
    """Where it is installed."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class VictoriaMetrics:
    """A running server."""

    url: str

    def values(self, symbol: str) -> dict[str, dict[int, float]]:
        """What it has taken under a symbol: value by time (ms) by ``measurement_field``."""
        self._get("/internal/force_flush")
        lines = self._get("/api/v1/export?" + urllib.parse.urlencode({"match[]": f'{{symbol="{symbol}"}}'}))
        found: dict[str, dict[int, float]] = {}
        for line in lines.splitlines():
            row = json.loads(line)
            values = zip(row["timestamps"], row["values"], strict=True)
            found.setdefault(row["metric"]["__name__"], {}).update(values)
        return found

    def samples(self, symbol: str) -> int:
        """How many values it holds under a symbol, doubled ones included."""
        self._get("/internal/force_flush")
        lines = self._get("/api/v1/export?" + urllib.parse.urlencode({"match[]": f'{{symbol="{symbol}"}}'}))
        return sum(len(json.loads(line)["values"]) for line in lines.splitlines())

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            body: bytes = response.read()
            return body.decode()


@contextmanager
def running_victoria_metrics(binary: str) -> Iterator[VictoriaMetrics]:
    """Start it on a free port of loopback; it is gone with its data when the block ends."""
    [port] = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="victoria-metrics-", ignore_cleanup_errors=True) as folder:
        options = {
            "storageDataPath": folder,
            "httpListenAddr": f"127.0.0.1:{port}",
            "retentionPeriod": "100y",
            "dedup.minScrapeInterval": "1ms",  # the same point twice is one, as in InfluxDB
        }
        process = subprocess.Popen(
            [binary, *(f"-{name}={value}" for name, value in options.items())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = VictoriaMetrics(f"http://127.0.0.1:{port}")
        try:
            _wait_until_ready(server)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_ready(server: VictoriaMetrics) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server._get("/health")
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
