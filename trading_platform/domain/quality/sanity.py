"""Prices and volumes that can't be. An error: whatever they are, they are not what was traded."""

from __future__ import annotations

from collections.abc import Sequence

from trading_platform.domain.candle import Candle, insane_candles
from trading_platform.domain.check import Verdict


def judge_sanity(candles: Sequence[Candle]) -> Verdict:
    """Low at the bottom, high at the top, prices positive, volumes not negative."""
    if not candles:
        return Verdict(False, "no candle stored yet")
    insane = insane_candles(candles)
    if insane:
        first = f"first at {insane[0].open_time:%Y-%m-%d %H:%M} UTC"
        return Verdict(False, f"impossible prices in {len(insane)} candles, {first}")
    return Verdict(True, f"prices and volumes of the newest {len(candles)} candles are possible")
