"""Flags of the command line, as environment: what `up` was started with holds for its children and for `status`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trading_platform.runtime.state_folder import StateFolder, write_private_json
from trading_platform.settings import ENVIRONMENT_PREFIX, Settings, load_settings, usable_settings


def apply_flags(flags: Mapping[str, Any], load: Callable[[], Settings] = load_settings) -> Settings:
    """Settings with the flags on top.

    Parameters
    ----------
    flags
        By setting, written as in the environment (``REPLAY__SPEED``); None = not given.
    load
        Reads the settings.
    """
    for name, value in _given(flags).items():
        os.environ[ENVIRONMENT_PREFIX + name] = value
    return load()


def remember_flags(state: StateFolder, flags: Mapping[str, Any]) -> None:
    """Keep them for those who look at the instance that is about to start."""
    write_private_json(state.flags_file, _given(flags))


def other_flags(state: StateFolder, flags: Mapping[str, Any]) -> list[str]:
    """Settings that these flags want otherwise than the flags of the instance that runs; the folder is the same."""
    remembered = json.loads(state.flags_file.read_text())
    wanted = _given(flags)
    return sorted(
        name.lower().replace("__", ".")
        for name, value in wanted.items()
        if name != "STATE_DIR" and remembered.get(name) != value
    )


def settings_of_instance(state_dir: Path | None, load: Callable[[], Settings] = load_settings) -> Settings:
    """Settings as the state folder's instance has them, wherever and with whatever flags it was started."""
    settings = apply_flags({"STATE_DIR": state_dir and state_dir.expanduser().resolve()}, load)
    try:
        flags = json.loads(StateFolder.at(settings.state_dir).flags_file.read_text())
    except FileNotFoundError:
        return settings
    return apply_flags(flags, load)


def settings_to_act_on(state_dir: Path | None, say: Callable[[str], None]) -> Settings:
    """The same without what is wrong in the file, which is told: for those who must stop or see what runs."""
    troubles = set()

    def load() -> Settings:
        settings, trouble = usable_settings()
        troubles.add(trouble)
        return settings

    settings = settings_of_instance(state_dir, load)
    for trouble in filter(None, troubles):
        say(f"the settings have a mistake, so this goes on without that part of them: {trouble}")
    return settings


def _given(flags: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in flags.items() if value is not None}
