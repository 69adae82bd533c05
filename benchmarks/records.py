"""Where the figures of a benchmark are kept."""

from __future__ import annotations

import json
import os
import platform as computer
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

RESULTS = Path(__file__).parent / "results"


def keep(name: str, figures: Mapping[str, Any], console: Console, report: str | None = None) -> Path:
    """Write the figures, with when and on what they were measured, into a file of their own, and say where it is.

    Parameters
    ----------
    report
        The same for people, in Markdown: kept beside it.
    """
    now = datetime.now(UTC)
    about = {"measured_at": now.isoformat(), "cores": os.cpu_count(), "python": computer.python_version()}
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}-{now:%Y%m%d-%H%M%S}.json"
    file.write_text(json.dumps({**about, **figures}, indent=2, ensure_ascii=False) + "\n")
    if report is not None:
        file.with_suffix(".md").write_text(report)
    console.print(f"kept in {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")
    return file
