"""A worker whose child was killed follows it: its pool would give no later child any work."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest

from trading_platform.runtime.worker import die_with_a_killed_child


@pytest.mark.parametrize(("exitcode", "sent"), [(-9, [signal.SIGKILL]), (-11, [signal.SIGKILL]), (0, []), (1, [])])
def test_only_a_killed_child_is_followed(
    monkeypatch: pytest.MonkeyPatch, exitcode: int, sent: list[signal.Signals]
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    pool = SimpleNamespace(on_process_down=None)
    die_with_a_killed_child(SimpleNamespace(pool=SimpleNamespace(_pool=pool)))

    pool.on_process_down(SimpleNamespace(exitcode=exitcode))

    assert killed == [(os.getpid(), number) for number in sent]
