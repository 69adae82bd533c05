"""Rules that market data is judged by: pure functions, one file each, that say in plain words what is wrong.

The rule of age stands beside them, in ``domain/freshness.py``: it is also the trade gate's and ``status``'s.
"""

from trading_platform.domain.quality.clock_drift import ClockOffset, judge_clock
from trading_platform.domain.quality.gaps import judge_gaps
from trading_platform.domain.quality.price_jump import judge_jumps
from trading_platform.domain.quality.sanity import judge_sanity
from trading_platform.domain.quality.source_agreement import Difference, compare_candles, judge_agreement
from trading_platform.domain.quality.stream_intake import IntakeCounts, counts_added, judge_intake
from trading_platform.domain.quality.zero_volume import judge_volume

__all__ = [
    "ClockOffset",
    "Difference",
    "IntakeCounts",
    "compare_candles",
    "counts_added",
    "judge_agreement",
    "judge_clock",
    "judge_gaps",
    "judge_intake",
    "judge_jumps",
    "judge_sanity",
    "judge_volume",
]
