"""Candles in which nothing is traded, one after the other, up to now.

An error: before its outage of 2023-03-24 Binance published 72 minutes of candles without volume, before that of
2021-02-11 seventeen of five minutes, all of them on time and in order. The price stood still because nothing could be
traded, and an order would have been sent into a venue that matches none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile

from trading_platform.domain.candle import Candle
from trading_platform.domain.check import Verdict

CHANCE = 1e-6
"""A run that would come about by chance more seldom than this isn't believed."""


def judge_volume(candles: Sequence[Candle], max_run: int) -> Verdict:
    """Whether the candles end in no longer run without volume than `max_run`, or than the symbol's custom explains.

    Notes
    -----
    A thinly traded symbol often has empty minutes. If a candle is empty with probability p, then the next k all are
    with probability p^k; the run is believed up to the k at which that falls below `CHANCE`. p is estimated from the
    candles before the run by Laplace's rule of succession, (empty + 1) / (candles + 2). Empty candles come in bunches,
    so long runs are likelier than that: a thin symbol's entries sometimes wait although its venue is well.
    """
    if not candles:
        return Verdict(False, "no candle stored yet")
    run = sum(1 for _ in takewhile(lambda candle: candle.volume == 0, reversed(candles)))
    before = candles[: len(candles) - run]
    usual_share = (sum(candle.volume == 0 for candle in before) + 1) / (len(before) + 2)
    longest = max(max_run, math.ceil(math.log(CHANCE) / math.log(usual_share)))
    if run > longest:
        since = f"{candles[-run].open_time:%Y-%m-%d %H:%M} UTC"
        return Verdict(False, f"nothing traded in the newest {run} candles, since {since}: the venue may stand still")
    told = f"the newest {run} candles are empty, up to {longest} are usual" if run else "the newest candle has volume"
    return Verdict(True, told)
