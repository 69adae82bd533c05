"""Indicators against their definitions, and the properties every indicator must have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_platform.domain.indicators import PRICE_COLUMNS, IndicatorSpec, compute_indicators, parse_indicators

from ..windows import of_closes, random_walk
from . import reference

Arrays = tuple[np.ndarray, ...]

REFERENCES: dict[str, Callable[[pd.DataFrame], Arrays]] = {
    "sma(9)": lambda frame: (reference.sma(frame["close"].to_numpy(), 9),),
    "ema(12)": lambda frame: (reference.ema(frame["close"].to_numpy(), 12),),
    "wma(7)": lambda frame: (reference.wma(frame["close"].to_numpy(), 7),),
    "roc(10)": lambda frame: (reference.roc(frame["close"].to_numpy(), 10),),
    "rsi(14)": lambda frame: (reference.rsi(frame["close"].to_numpy(), 14),),
    "macd(12,26,9)": lambda frame: reference.macd(frame["close"].to_numpy(), 12, 26, 9),
    "bbands(20,2)": lambda frame: reference.bollinger(frame["close"].to_numpy(), 20, 2.0),
    "atr(14)": lambda frame: (reference.atr(frame, 14),),
    "adx(14)": lambda frame: reference.adx(frame, 14),
    "stoch(14,3,3)": lambda frame: reference.stochastic(frame, 14, 3, 3),
    "cci(20)": lambda frame: (reference.cci(frame, 20),),
    "donchian(20)": lambda frame: reference.donchian(frame, 20),
}
EXTENSIONS = ("ta.supertrend(10,3)", "ta.hma(length=20)", "ta.kc", "ta.vwap")

every_built_in = pytest.mark.parametrize("entry", REFERENCES)
every_indicator = pytest.mark.parametrize("entry", [*REFERENCES, *EXTENSIONS])


def compute(frame: pd.DataFrame, entry: str) -> pd.DataFrame:
    """The indicator's own columns."""
    spec = IndicatorSpec.parse(entry)
    return compute_indicators(frame, [spec])[list(spec.columns)]


@every_built_in
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 160), start=st.sampled_from([2e-5, 1.0, 1e5]))
def test_values_are_those_of_the_definition(entry: str, seed: int, rows: int, start: float) -> None:
    frame = random_walk(rows, seed, start=start)
    expected = np.column_stack(REFERENCES[entry](frame))
    # Bands and ratios are differences of nearly equal numbers: compare on the scale of the column.
    scale = np.nanmax(np.abs(expected)) if np.isfinite(expected).any() else 1.0
    np.testing.assert_allclose(compute(frame, entry), expected, rtol=1e-7, atol=1e-9 * scale, equal_nan=True)


def test_every_built_in_has_a_reference() -> None:
    from trading_platform.domain.indicators.builtin import BUILT_INS

    assert {IndicatorSpec.parse(entry).name for entry in REFERENCES} == set(BUILT_INS)


@every_indicator
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 198))
def test_later_candles_change_nothing(entry: str, seed: int, row: int) -> None:
    frame = random_walk(200, seed)
    other_future = frame.copy()
    other_future.iloc[row + 1 :] *= 1.5
    before = compute(frame, entry).iloc[: row + 1]
    after = compute(other_future, entry).iloc[: row + 1]
    pd.testing.assert_frame_equal(before, after, check_exact=False, rtol=1e-12)


@every_built_in
def test_rows_needed_is_where_the_last_column_starts(entry: str) -> None:
    spec = IndicatorSpec.parse(entry)
    known = compute(random_walk(100), entry).notna().all(axis=1).to_numpy()
    assert known.argmax() + 1 == spec.rows_needed
    assert known[spec.rows_needed - 1 :].all()


@every_indicator
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_short_window_has_no_values_yet(entry: str, rows: int) -> None:
    values = compute(random_walk(rows), entry)
    assert len(values) == rows
    if entry != "ta.vwap":  # known from the first candle on
        assert values.isna().all(axis=None)


@every_built_in
@pytest.mark.parametrize("price", [60000.1, 0.1, 2e-5])
def test_constant_prices_give_calm_values(entry: str, price: float) -> None:
    values = compute(of_closes([price] * 120), entry).iloc[-1]
    expected = {
        **dict.fromkeys(("sma", "ema", "wma", "bb", "donchian"), price),
        **dict.fromkeys(("roc", "macd", "atr", "adx", "plus", "minus", "stoch", "cci"), 0.0),
        "rsi": np.nan,
    }
    for column, value in values.items():
        wanted = expected[str(column).split("_")[0]]
        assert value == pytest.approx(wanted, rel=1e-12, abs=1e-9 * price, nan_ok=True), column


def test_rsi_is_unknown_until_the_price_moves() -> None:
    values = compute(of_closes([100.0] * 30 + [101.0] * 3), "rsi(14)")["rsi_14"]
    assert values.iloc[:30].isna().all()
    assert (values.iloc[30:] == 100.0).all()


@every_built_in
def test_a_gap_is_skipped_over(entry: str) -> None:
    frame = random_walk(120)
    with_gap = frame.drop(frame.index[60:100])
    side_by_side = with_gap.set_axis(frame.index[:80])
    np.testing.assert_array_equal(compute(with_gap, entry), compute(side_by_side, entry))
    assert compute(with_gap, entry).index.equals(with_gap.index)


def test_the_frame_holds_prices_and_columns_in_order() -> None:
    frame = random_walk(50)
    frame["another"] = 1.0
    computed = compute_indicators(frame, parse_indicators(["ema(12)", "bbands(20,2)", "ema(12)"]))
    assert list(computed) == [*PRICE_COLUMNS, "ema_12", "bb_upper_20_2", "bb_middle_20_2", "bb_lower_20_2"]
    pd.testing.assert_frame_equal(computed[list(PRICE_COLUMNS)], frame[list(PRICE_COLUMNS)])


def test_the_window_is_left_as_it_was() -> None:
    frame = random_walk(60)
    before = frame.copy()
    compute_indicators(frame, parse_indicators(REFERENCES))
    pd.testing.assert_frame_equal(frame, before)


def test_a_window_without_volume_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the columns volume"):
        compute_indicators(random_walk(10).drop(columns="volume"), [])


def test_a_window_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="oldest candle first"):
        compute_indicators(random_walk(10).iloc[::-1], [])
