"""`trading-platform up`: start, watch, stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console
from rich.live import Live

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.runtime import instance
from trading_platform.runtime.flags import apply_flags, other_flags, remember_flags, settings_of_instance
from trading_platform.runtime.preflight import check_market, check_python
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.runtime.status import PlatformStatus, status_reader
from trading_platform.runtime.status_tables import FittingTables
from trading_platform.runtime.supervision import Supervisor, running_supervisor
from trading_platform.runtime.view import as_line
from trading_platform.settings import ENVIRONMENT_PREFIX, PINNED, Settings, current_settings, pinned

_LOOK_SECONDS = 2.0
_LINE_SECONDS = 15.0
_REVIVE_SECONDS = 60.0
_ATTACH_SECONDS = 60.0


class _Stopped(Exception):
    """Ctrl-C, or a polite kill."""


def run_up(flags: Mapping[str, Any], *, detach: bool) -> int:
    """Start the platform, or attach to the one that runs; returns the exit code.

    Parameters
    ----------
    flags
        Settings given on the command line, see :func:`.flags.apply_flags`.
    """
    check_python()
    settings = apply_flags(flags)
    check_market(settings)  # before anything is made
    state = StateFolder.at(settings.state_dir)
    state.prepare()
    console = Console()
    with _signals_raise(), instance.exclusive(state) as alone:
        supervisor = running_supervisor(state)
        if not alone or supervisor is not None:
            return _attach(flags, state, console, detach=detach)
        os.environ[PINNED] = pinned(settings)
        remember_flags(state, {**flags, PINNED.removeprefix(ENVIRONMENT_PREFIX): os.environ[PINNED]})
        if detach:
            _start(settings, console)
            console.print(f"It keeps running; stop it with: {_down(flags, state)}", soft_wrap=True)
            return 0
        return _stay(settings, state, console)


def _stay(settings: Settings, state: StateFolder, console: Console) -> int:
    """Start, watch, and stop, whatever ends the watching."""
    try:
        while True:
            _watch(_start(settings, console), console)
            console.print("The supervisor is gone: starting anew")
    except _Stopped:
        return 0
    finally:
        began = time.monotonic()
        with _signals_wait():
            supervisor = running_supervisor(state)
            instance.stop(state, supervisor, _progress(console, began))
        if supervisor is not None:  # a start that failed has nothing left to stop
            console.print(f"Stopped after {time.monotonic() - began:.1f} s")


def _start(settings: Settings, console: Console) -> Supervisor:
    began = time.monotonic()
    supervisor = instance.start(settings, _progress(console, began))
    console.print(f"Up after {time.monotonic() - began:.0f} s")
    return supervisor


def _attach(flags: Mapping[str, Any], state: StateFolder, console: Console, *, detach: bool) -> int:
    supervisor = _wait_for_supervisor(state)
    if ignored := other_flags(state, flags):
        raise FixSettings(
            f"already running on {state.root} with another {', '.join(ignored)}; "
            f"stop it with: {_down(flags, state)}, or choose another --state-dir"
        )
    settings_of_instance(state.root)  # its flags hold for this process from here on
    console.print(f"Already running on {state.root}; stop it with: {_down(flags, state)}", soft_wrap=True)
    if not detach:
        try:
            _watch(supervisor, console)
        except _Stopped:
            console.print("Left the view; the platform keeps running")
    return 0


def _down(flags: Mapping[str, Any], state: StateFolder) -> str:
    """The command that stops this instance, and not another one's."""
    return "trading-platform down" + (f" --state-dir {state.root}" if flags.get("STATE_DIR") else "")


def _wait_for_supervisor(state: StateFolder) -> Supervisor:
    deadline = time.monotonic() + _ATTACH_SECONDS
    while time.monotonic() < deadline:
        supervisor = running_supervisor(state)
        if supervisor is not None:
            return supervisor
        time.sleep(0.2)
    raise FixSettings(f"another `up` holds {state.root} and has started nothing; end it, or use another --state-dir")


def _watch(supervisor: Supervisor, console: Console) -> None:
    """Show the platform's state until the supervisor is gone."""
    revive = _Reviver(supervisor)
    if not console.is_terminal:
        last_line = 0.0
        for seen in _looks():
            revive(seen)
            if time.monotonic() - last_line >= _LINE_SECONDS:
                last_line = time.monotonic()
                console.print(as_line(seen), soft_wrap=True)
        return
    with Live(console=console, auto_refresh=False, screen=False) as live:
        for seen in _looks():
            revive(seen)
            live.update(FittingTables(seen), refresh=True)


def _looks() -> Iterator[PlatformStatus]:
    """By the settings as they are at each look, as those have them who trade by them; flags are in the environment."""
    settings = current_settings()
    look = status_reader(settings)
    while (seen := look()).running:
        yield seen
        time.sleep(_LOOK_SECONDS)
        if (newer := current_settings()) is not settings:
            settings, look = newer, status_reader(newer)


class _Reviver:
    """Supervisor gives up on a process that keeps failing; what it needs may be back a minute later."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._next = time.monotonic()

    def __call__(self, seen: PlatformStatus) -> None:
        fatal = [process.name for process in seen.processes if process.state == "FATAL"]
        if fatal and time.monotonic() >= self._next:
            self._next = time.monotonic() + _REVIVE_SECONDS
            for name in fatal:
                try:
                    self._supervisor.start(name)
                except RetryLater:
                    continue  # tried again in a minute


def _progress(console: Console, began: float) -> instance.Progress:
    def show(message: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {message}", highlight=False)

    return show


@contextmanager
def _signals_raise() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise _Stopped

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave half of the processes behind."""
    previous = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
