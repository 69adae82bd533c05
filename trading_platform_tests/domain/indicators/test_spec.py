"""Reading indicators from the settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.indicators import IndicatorSpec, InvalidIndicatorError, parse_indicators


@pytest.mark.parametrize(
    ("entry", "canonical", "columns"),
    [
        ("ema(12)", "ema(12)", ("ema_12",)),
        (" ema ( length = 12 ) ", "ema(12)", ("ema_12",)),
        ("rsi", "rsi(14)", ("rsi_14",)),
        ("macd(signal=5)", "macd(12,26,5)", ("macd_12_26_5", "macd_signal_12_26_5", "macd_hist_12_26_5")),
        ("bbands(20,2.0)", "bbands(20,2)", ("bb_upper_20_2", "bb_middle_20_2", "bb_lower_20_2")),
        ("bbands(20,2.5)", "bbands(20,2.5)", ("bb_upper_20_2.5", "bb_middle_20_2.5", "bb_lower_20_2.5")),
        ("adx(14)", "adx(14)", ("adx_14", "plus_di_14", "minus_di_14")),
        ("ta.hma(20)", "ta.hma(length=20)", ("ta_hma_20",)),
        ("ta.hma(length=20)", "ta.hma(length=20)", ("ta_hma_20",)),
    ],
)
def test_an_entry_has_one_canonical_form(entry: str, canonical: str, columns: tuple[str, ...]) -> None:
    spec = IndicatorSpec.parse(entry)
    assert str(spec) == canonical
    assert spec.columns == columns
    assert IndicatorSpec.parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("ema(12", "write it as name"),
        ("12", "write it as name"),
        ("foo(1)", "unknown indicator; known are ema"),
        ("ema", "say the length"),
        ("ema(1)", "length must be a whole number from 2 to 5000, not 1"),
        ("ema(1.5)", "length must be a whole number"),
        ("ema(true)", "length must be a whole number"),
        ("ema(fast)", "length must be a whole number"),
        ("ema(12,)", "'' is neither a number nor a word"),
        ("ema(12,13)", "too many arguments; it takes length"),
        ("ema(12,length=13)", "length is given twice"),
        ("ema(length=12,length=13)", "length is given twice"),
        ("ema(span=12)", "unknown argument span; it takes length"),
        ("macd(fast=3,4)", "before those with one"),
        ("bbands(20,99)", "deviations must be a number from 0.1 to 10"),
        ("ta.nothing(3)", "pandas-ta-classic has no indicator nothing"),
        ("ta.hma(span=3)", "unknown argument span"),
        ("ta.hma(length=-3)", "length must be greater than 0"),
        ("ta.hma(length=900)", "has no value within 600 candles"),
        ("ta.mavp", "needs periods, which isn't among a candle's prices"),
        ("ta.vp", "doesn't give one value per candle"),
        ("ta.dpo(20)", "looks ahead"),
        ("ta.ichimoku", "looks ahead"),
    ],
)
def test_a_wrong_entry_is_named_with_its_remedy(entry: str, problem: str) -> None:
    with pytest.raises(InvalidIndicatorError) as caught:
        IndicatorSpec.parse(entry)
    assert str(caught.value).startswith(f"indicator {entry!r}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@given(entry=st.text(max_size=30) | st.from_regex(r"[a-z.]{1,6}\([a-z0-9=,. ]{0,12}\)", fullmatch=True))
def test_any_text_is_read_or_refused(entry: str) -> None:
    try:
        spec = IndicatorSpec.parse(entry)
    except InvalidIndicatorError:
        return
    assert IndicatorSpec.parse(str(spec)) == spec


def test_a_repeated_entry_is_kept_once() -> None:
    assert [str(spec) for spec in parse_indicators(["rsi", "ema(12)", "rsi(14)"])] == ["rsi(14)", "ema(12)"]


def test_two_indicators_may_not_share_a_column() -> None:
    with pytest.raises(InvalidIndicatorError, match=r"writes the same column ta_rsi_14 as ta\.rsi;"):
        parse_indicators(["ta.rsi", "ta.rsi(length=14)"])


def test_an_extension_without_lookahead_is_accepted() -> None:
    spec = IndicatorSpec.parse("ta.dpo(20,centered=false)")
    assert str(spec) == "ta.dpo(length=20,centered=false)"
    assert spec.rows_needed == 31
