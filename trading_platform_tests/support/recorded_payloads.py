"""Answers the real exchange once gave, where this machine has them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ENVIRONMENT_VARIABLE = "TRADING_PLATFORM_MARKET_DATA"


def recorded_folder() -> Path | None:
    """Where the recordings lie; None on a machine without them."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    checkout = Path(__file__).resolve().parents[2]
    market_data = Path(named) if named else checkout.parent / "shared" / "market-data"
    folder = market_data / "payloads" / "recorded"
    return folder if folder.is_dir() else None


def recorded_json(name: str) -> Any | None:
    """One recorded answer; None where it's absent."""
    folder = recorded_folder()
    if folder is None or not (folder / name).is_file():
        return None
    return json.loads((folder / name).read_text())


def recorded_events(name: str, kind: str) -> Iterator[dict[str, Any]]:
    """The recorded stream events of one kind (``e``, or ``bookTicker``)."""
    folder = recorded_folder()
    if folder is None or not (folder / name).is_file():
        return
    opener = gzip.open if name.endswith(".gz") else open
    with opener(folder / name, "rt") as lines:
        for line in lines:
            start = line.find("{")
            if start < 0 or not line.rstrip().endswith("}"):
                continue
            message = json.loads(line[start:])
            event = message.get("data", message)
            if kind in (event.get("e"), message.get("stream", "").partition("@")[2]):
                yield event
