"""Mean reversion, candle by candle."""

from __future__ import annotations

import pandas as pd
import pytest

from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.strategies.mean_reversion import MeanReversion

from .frames import flat_frame, swinging_market, verdicts, with_tail

STRATEGY = MeanReversion()
ROWS = 100
FRAME = flat_frame(STRATEGY, ROWS, bb_upper_20_2=105.0, bb_middle_20_2=100.0, bb_lower_20_2=95.0, rsi_14=45.0)


def frame_of(closes: list[float], rsi: list[float]) -> pd.DataFrame:
    """A market at 99 (between lower band and mean) that ends with these closes and RSI values."""
    frame = FRAME.assign(close=99.0)
    frame.loc[frame.index[-len(closes) :], "close"] = closes
    frame.loc[frame.index[-len(rsi) :], "rsi_14"] = rsi
    return frame


@pytest.mark.parametrize(
    ("closes", "rsi", "expected"),
    [
        ([94.0, 96.0], [25.0, 35.0], Direction.LONG),
        ([95.0, 96.0], [20.0, 35.0], Direction.LONG),  # from touching the band
        ([94.0, 96.0], [25.1, 35.0], None),  # not oversold
        ([94.0, 94.5], [20.0, 22.0], None),  # still below the band
        ([96.0, 97.0], [20.0, 30.0], None),  # wasn't below
        ([94.0, 101.0], [20.0, 50.0], Direction.SHORT),  # back at the mean at once: nothing left to gain
        ([94.0, 96.0], [20.0, 56.0], Direction.SHORT),
        ([94.0, 97.0, 101.0], [20.0, 40.0, 50.0], Direction.SHORT),
        ([94.0, 97.0, 99.0], [20.0, 40.0, 55.0], Direction.SHORT),  # RSI recovered below the middle band
        ([94.0, 97.0, 100.0], [20.0, 40.0, 50.0], None),  # touches the mean only
        ([94.0, 101.0, 102.0], [20.0, 50.0, 52.0], None),  # recovered one candle before
        ([94.0, 101.0, 99.0, 101.0], [20.0, 50.0, 45.0, 50.0], None),  # … and crosses once more
        ([94.0, 101.0, 94.0, 101.0], [20.0, 50.0, 20.0, 50.0], Direction.SHORT),  # a new excursion
        ([99.0, 101.0], [45.0, 50.0], None),  # no excursion in the window
    ],
)
def test_events(closes: list[float], rsi: list[float], expected: Direction | None) -> None:
    verdict = STRATEGY.evaluate(frame_of(closes, rsi))
    assert verdict.direction == expected
    assert verdict.evidence == {
        "close": closes[-1],
        "bb_middle_20_2": 100.0,
        "bb_lower_20_2": 95.0,
        "rsi_14": rsi[-1],
    }


def test_reasons_tell_the_numbers() -> None:
    entry = STRATEGY.evaluate(frame_of([94.0, 96.0], [22.5, 35.0]))
    assert entry.reason == "close 96 came back above the lower band 95 after rsi_14 22.5, oversold at 25"
    exit_ = STRATEGY.evaluate(frame_of([94.0, 97.0, 101.0], [20.0, 40.0, 50.0]))
    assert exit_.reason == "close 101 rose above the middle band 100 after a close below the lower band"


def test_every_entry_is_followed_by_an_exit_before_the_next_recovery() -> None:
    """A position that it opens is closed at the mean: no exit is lost between entry and recovery."""
    market = swinging_market(1400, seed=8)
    waiting, exits = False, 0
    for verdict in verdicts(STRATEGY, market):
        if waiting and verdict.direction is not Direction.SHORT:
            close, middle, rsi = (verdict.evidence[name] for name in ("close", "bb_middle_20_2", "rsi_14"))
            assert close <= middle
            assert rsi < 55.0
        if verdict.direction is Direction.LONG:
            waiting = True
        elif verdict.direction is Direction.SHORT:
            exits += waiting
            waiting = False
    assert exits >= 2


def test_a_band_of_no_width_is_no_excursion() -> None:
    flat = FRAME.assign(bb_upper_20_2=100.0, bb_lower_20_2=100.0, close=100.0)
    assert STRATEGY.evaluate(with_tail(flat, rsi_14=(20.0, 20.0))).direction is None
