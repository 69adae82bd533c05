"""A process of its own that writes candles to a store and may be killed while it does.

``python -m trading_platform_tests.contracts.writing_process`` reads from stdin, as JSON, the settings and how many.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from trading_platform.bootstrap import Platform
from trading_platform_tests.support.examples import MINUTE, START, SYMBOL, candle
from trading_platform_tests.support.plain_settings import plain_settings


def kill_while_writing(settings: dict[str, Any], candles: int, is_time: Callable[[], bool]) -> None:
    """Start such a process, and kill it by SIGKILL as soon as it is time, or when it has finished."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"settings": settings, "candles": candles}) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.02)
        while process.poll() is None and not is_time():
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Write them."""
    order = json.loads(sys.stdin.readline())
    store = Platform(plain_settings(**order["settings"])).base_store
    many = [candle(minute) for minute in range(order["candles"])]
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    store.write_candles(SYMBOL, MINUTE, many, source="archive", received_at=START)


if __name__ == "__main__":
    main()
