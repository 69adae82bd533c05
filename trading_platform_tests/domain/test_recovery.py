"""Gentle steps first, each after a longer wait, and no step that would disturb those that live."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.recovery import Patience, RecoveryLadder, RecoveryStep

PATIENCE = Patience(first_wait_seconds=4, longest_wait_seconds=60, restart_after_seconds=300)


def _steps(ladder: RecoveryLadder, *, until: float, all_silent: bool) -> list[tuple[float, RecoveryStep]]:
    found = []
    for tick in range(int(until * 2)):
        step = ladder.due(tick / 2, all_silent=all_silent)
        if step is not None:
            found.append((tick / 2, step))
    return found


def test_when_everything_is_silent_the_ladder_is_climbed_to_its_end() -> None:
    steps = _steps(RecoveryLadder(PATIENCE, lambda: 0.5), until=400, all_silent=True)

    assert [step for _, step in steps][:3] == [
        RecoveryStep.RESUBSCRIBE,
        RecoveryStep.NEW_SOCKET,
        RecoveryStep.NEW_CLIENT,
    ]
    assert [when for when, _ in steps][:5] == [0, 4, 12, 28, 60]
    first_restart = next(when for when, step in steps if step is RecoveryStep.RESTART)
    assert 300 <= first_restart <= 360


def test_while_others_live_nothing_beyond_a_new_socket_is_tried() -> None:
    steps = _steps(RecoveryLadder(PATIENCE, lambda: 0.5), until=4000, all_silent=False)

    assert {step for _, step in steps} == {RecoveryStep.RESUBSCRIBE, RecoveryStep.NEW_SOCKET}
    assert len(steps) < 75  # bounded: one a minute in the end


def test_recovery_begins_with_the_first_step_again() -> None:
    ladder = RecoveryLadder(PATIENCE, lambda: 0.5)
    _steps(ladder, until=100, all_silent=True)
    ladder.recovered()

    assert ladder.due(100, all_silent=True) is RecoveryStep.RESUBSCRIBE
    assert ladder.due(101, all_silent=True) is None


@given(st.lists(st.floats(0, 1), min_size=200, max_size=200))
def test_waits_are_spread_but_bounded(numbers: list[float]) -> None:
    spread = iter(numbers)
    steps = _steps(RecoveryLadder(PATIENCE, lambda: next(spread)), until=1000, all_silent=False)
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(steps)]

    assert all(PATIENCE.first_wait_seconds * 0.8 <= wait <= PATIENCE.longest_wait_seconds * 1.2 + 0.5 for wait in waits)
