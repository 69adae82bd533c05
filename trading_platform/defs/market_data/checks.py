"""Is the market data fit to act on? The same rules as the trade gate's, several to a check."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from trading_platform.bootstrap import Platform
from trading_platform.defs.tables import as_table
from trading_platform.domain.check import EVERY, CheckName, CheckResult
from trading_platform.services.check_market_data import check_market_data

CANDLES = dg.AssetKey("candles")
SHOWN_ROWS = 20
TOLD_REASONS = 5


@dataclass(frozen=True)
class CandleCheck:
    """One check in the UI and the rules whose verdicts it shows."""

    name: str
    rules: tuple[CheckName, ...]
    description: str


CHECKS = (
    CandleCheck(
        "candles_are_fresh",
        (CheckName.FRESH,),
        "The newest candle of every series is there soon after it closed, by the candle's own time.",
    ),
    CandleCheck(
        "candles_have_no_gaps",
        (CheckName.NO_GAPS,),
        "No candle is missing inside the window that strategies see, but those that the venue itself lacks.",
    ),
    CandleCheck(
        "candles_are_sane",
        (CheckName.SANE, CheckName.TRADED, CheckName.STEADY),
        "Prices and volumes are possible and something is being traded (errors); no price jumps out of its robust "
        "band (a warning: a real crash does).",
    ),
    CandleCheck(
        "stream_is_sound",
        (CheckName.ONCE, CheckName.IN_ORDER, CheckName.WELL_FORMED, CheckName.AGREED),
        "Streams send nothing twice, out of order or broken, and their candles are the same by REST (warnings: what "
        "is wrong is kept out, or replaced by REST's answer).",
    ),
    CandleCheck(
        "clocks_agree",
        (CheckName.CLOCK,),
        "The venue's clock and ours differ by less than signed orders can bear.",
    ),
)

CANDLE_CHECKS = [dg.AssetCheckSpec(check.name, asset=CANDLES, description=check.description) for check in CHECKS]
"""Evaluated in the step of the asset: a check in a step of its own is skipped when the asset fails, and then the UI
shows 'skipped' at the very moment when the data is getting old. Each costs three events per refresh run, hence five
checks with their rules in tables, not ten checks."""


def evaluate_candle_checks(platform: Platform) -> Iterator[dg.AssetCheckResult]:
    """Judge everything by every rule and record the results for the trade gate and the owner."""
    results = check_market_data(platform.quality, platform.intervals)
    for check in CHECKS:
        yield _summed_up(check, [result for result in results if result.name in check.rules])


def _summed_up(check: CandleCheck, results: Sequence[CheckResult]) -> dg.AssetCheckResult:
    failed = sorted(
        (result for result in results if not result.passed), key=lambda result: not result.keeps_entries_back
    )
    is_error = any(result.keeps_entries_back for result in failed)
    return dg.AssetCheckResult(
        check_name=check.name,
        asset_key=CANDLES,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if is_error or not failed else dg.AssetCheckSeverity.WARN,
        description=_told(failed) if failed else _all_well(results),
        metadata={"series": as_table(_rows([*failed, *(result for result in results if result.passed)]))},
    )


def _told(failed: Sequence[CheckResult]) -> str:
    reasons = "; ".join(result.reason for result in failed[:TOLD_REASONS])
    left_out = len(failed) - TOLD_REASONS
    return f"{reasons}; {left_out} more" if left_out > 0 else reasons


def _all_well(results: Sequence[CheckResult]) -> str:
    return results[0].reason if len(results) == 1 else f"all {len(results)} verdicts are good"


def _rows(results: Sequence[CheckResult]) -> list[dict[str, str]]:
    """What failed comes first; of a hundred series that pass, a few stand for all."""
    rows = [
        {
            "series": _series(result).replace(" ", "\N{NO-BREAK SPACE}"),
            "rule": str(result.name).replace("_", " "),
            "verdict": "ok" if result.passed else str(result.severity).upper(),
            "why": result.reason.removeprefix(f"{_series(result)}: "),
        }
        for result in results
    ]
    left_out = len(rows) - SHOWN_ROWS
    if left_out <= 0:
        return rows
    return [*rows[:SHOWN_ROWS], {"series": "…", "rule": "", "verdict": "", "why": f"{left_out} more"}]


def _series(result: CheckResult) -> str:
    return result.symbol if result.interval == EVERY else f"{result.symbol} {result.interval}"
