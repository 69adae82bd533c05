"""How often each process was started since the platform was: supervisor itself keeps no count."""

from __future__ import annotations

from trading_platform.runtime.state_folder import StateFolder


def count_start(state: StateFolder, name: str) -> None:
    """Note one more start of the process."""
    with (state.run / f"{name}.starts").open("ab") as marks:
        marks.write(b".")


def restarts(state: StateFolder, name: str) -> int:
    """Starts after the first one."""
    try:
        return max(0, (state.run / f"{name}.starts").stat().st_size - 1)
    except FileNotFoundError:
        return 0


def forget_starts(state: StateFolder) -> None:
    """Begin to count anew."""
    for marks in state.run.glob("*.starts"):
        marks.unlink()
