"""Charts: what is drawn can't be asserted pixel by pixel, so form, size and the placing of things are."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from trading_platform.adapters.matplotlib_charts import MatplotlibChartPainter
from trading_platform.adapters.matplotlib_charts.equity_chart import broken_at_pauses
from trading_platform.adapters.matplotlib_charts.equity_chart import draw as draw_equity
from trading_platform.adapters.matplotlib_charts.figure import AVERAGES, RISING, format_price, new_figure
from trading_platform.adapters.matplotlib_charts.timeline import Timeline
from trading_platform.domain.candle import Gap, Interval
from trading_platform.domain.indicators import compute_indicators, parse_indicators
from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform.domain.order import Side
from trading_platform.domain.returns import time_weighted_return
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.transfer import Transfer, TransferKind
from trading_platform.ports.charts import ChartPainter, ChartPanel, FillMark, MetricPanel, SignalMark
from trading_platform.ports.ledger import EquityPoint

MINUTE = Interval.parse("1m")
START = datetime(2025, 3, 1, tzinfo=UTC)
PAINTER: ChartPainter = MatplotlibChartPainter()


def candles(rows: int, seed: int = 0, price: float = 100.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(random.normal(0, 0.002, rows)))
    frame = pd.DataFrame({"open": close * 0.999, "high": close * 1.002, "low": close * 0.998, "close": close})
    frame["volume"] = random.lognormal(0, 1, rows)
    return frame.set_index(pd.date_range(START, periods=rows, freq="min", name="open_time"))


def panel(frame: pd.DataFrame, *signals: SignalMark) -> ChartPanel:
    specs = parse_indicators(["ema(12)", "ema(26)", "bbands", "rsi"])
    return ChartPanel("BTC/USDT", MINUTE, compute_indicators(frame, specs), signals)


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    return image


def pixels_of(png: bytes, colour: str) -> int:
    """Pixels in about that colour (a palette moves colours a little)."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    distance = np.abs(np.asarray(opened(png).convert("RGB")).astype(int) - wanted).max(axis=-1)
    return int((distance < 24).sum())


def strips(png: bytes) -> tuple[int, int]:
    """Pixels in yellow and in grey, between white and the lines (the palette moves both shades)."""
    red, green, blue = np.moveaxis(np.asarray(opened(png).convert("RGB")).astype(int), -1, 0)
    yellow = (red > 220) & (green > 210) & (red - blue > 40)
    grey = (abs(red - green) < 10) & (abs(red - blue) < 14) & (red > 215) & (red < 238)
    return int(yellow.sum()), int(grey.sum())


def equity(count: int) -> list[EquityPoint]:
    worth = [Decimal("84.54") + Decimal(k % 7) / 100 for k in range(count)]
    times = [START + timedelta(minutes=k) for k in range(len(worth))]
    return [EquityPoint("main", at, w, Decimal(0), at) for at, w in zip(times, worth, strict=True)]


@pytest.mark.parametrize(("panels", "height"), [(1, 270), (3, 810), (4, 540), (6, 810)])
def test_the_picture_fits_the_page(panels: int, height: int) -> None:
    png = PAINTER.render_price_chart([panel(candles(300, seed)) for seed in range(panels)])
    assert opened(png).size == (900, height)
    assert opened(png).mode == "P"
    assert len(png) < 20_000 * max(panels, 3)


@pytest.mark.parametrize("rows", [0, 1, 2, 30, 500])
@pytest.mark.parametrize("price", [2e-6, 100_000.0])
def test_any_window_can_be_drawn(rows: int, price: float) -> None:
    assert opened(PAINTER.render_price_chart([panel(candles(rows, price=price))])).size == (900, 270)


def test_a_dead_market_can_be_drawn() -> None:
    frame = candles(200).assign(open=5.0, high=5.0, low=5.0, close=5.0, volume=0.0)
    assert opened(PAINTER.render_price_chart([panel(frame)])).size == (900, 270)


def test_prices_without_indicators_can_be_drawn() -> None:
    assert PAINTER.render_price_chart([ChartPanel("BTC/USDT", MINUTE, candles(200))])


def test_the_same_data_gives_the_same_picture() -> None:
    assert PAINTER.render_price_chart([panel(candles(200))]) == PAINTER.render_price_chart([panel(candles(200))])


def test_only_the_newest_candles_are_drawn() -> None:
    frame = panel(candles(300)).frame
    whole = PAINTER.render_price_chart([ChartPanel("BTC/USDT", MINUTE, frame)], candles=60)
    newest = PAINTER.render_price_chart([ChartPanel("BTC/USDT", MINUTE, frame.iloc[-60:])], candles=60)
    assert whole == newest


def test_a_signal_is_marked_and_one_outside_is_not() -> None:
    frame = candles(300)
    inside = SignalMark(frame.index[-20].to_pydatetime(), Direction.LONG, "trend")
    outside = SignalMark(START, Direction.LONG, "trend")
    plain = PAINTER.render_price_chart([panel(frame)])
    assert pixels_of(PAINTER.render_price_chart([panel(frame, inside)]), RISING) > pixels_of(plain, RISING)
    assert PAINTER.render_price_chart([panel(frame, outside)]) == plain


def test_a_chart_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one panel"):
        PAINTER.render_price_chart([])


@pytest.mark.parametrize("count", [0, 1, 2, 3000])
def test_equity_can_be_drawn(count: int) -> None:
    fills = [FillMark(START + timedelta(minutes=30), Side.BUY, "BTC/USDT")]
    assert opened(PAINTER.render_equity_chart(equity(count), fills, "USDT")).size == (900, 300)


def test_a_fill_is_marked_on_the_equity() -> None:
    bought = FillMark(START + timedelta(minutes=50), Side.BUY, "BTC/USDT")
    plain = PAINTER.render_equity_chart(equity(100), [], "USDT")
    assert pixels_of(PAINTER.render_equity_chart(equity(100), [bought], "USDT"), RISING) > pixels_of(plain, RISING)


def test_a_deposit_is_marked_and_is_no_profit() -> None:
    before, after = equity(60), equity(100)[60:]
    paid_in = [replace(point, cash_quote=point.cash_quote + 100) for point in after]
    worth = before[-1].equity_quote
    # first seen by the venue before the account was valued at all; in the balance, and booked, an hour later
    deposit = replace(moved(100, worth, after[0].venue_time), venue_time=START - timedelta(hours=1))
    earlier = replace(deposit, recorded_at=before[0].recorded_at)

    assert "│ 1 transfer" in texts_of([*before, *paid_in], [earlier, deposit])
    change = time_weighted_return(before[0].equity_quote, paid_in[-1].equity_quote, [deposit])
    assert f"{change:+.2%}" in texts_of([*before, *paid_in], [earlier, deposit])
    assert f"{paid_in[-1].equity_quote / before[0].equity_quote - 1:+.2%}" in texts_of([*before, *paid_in], [])


def moved(amount: int, before: Decimal, at: datetime) -> Transfer:
    return Transfer(
        account="main",
        asset="USDT",
        amount=Decimal(amount),
        kind=TransferKind.DEPOSIT,
        reason="listed by the venue",
        by="venue",
        venue_time=at,
        recorded_at=at,
        amount_quote=Decimal(amount),
        equity_before_quote=before,
    )


def texts_of(points: list[EquityPoint], transfers: list[Transfer]) -> str:
    figure = new_figure(300)
    draw_equity(figure, points, [], transfers, "USDT")
    return " ".join(text.get_text() for text in figure.findobj(Text))


def test_a_gap_is_a_strip_of_fixed_width() -> None:
    frame = candles(100)
    timeline = Timeline(pd.DatetimeIndex(frame.index.delete(range(40, 90))), MINUTE)
    (gap,) = timeline.gaps
    assert gap.missing == Gap(START + timedelta(minutes=40), START + timedelta(minutes=89), 50)
    assert (gap.start, gap.end) == (39.5, 43.5)
    assert timeline.x[39:41].tolist() == [39.0, 44.0]
    x, line = timeline.broken_at_gaps(np.arange(50.0))
    assert np.isnan(line[40])
    assert (np.diff(x) > 0).all()


def test_a_gap_of_the_venues_own_looks_otherwise_than_a_hole_to_be_repaired() -> None:
    frame = panel(candles(300)).frame
    holed = frame.drop(frame.index[240:260])
    own = Gap(frame.index[240].to_pydatetime(), frame.index[259].to_pydatetime(), 20)
    part = Gap(frame.index[240].to_pydatetime(), frame.index[249].to_pydatetime(), 10)

    def drawn(*venue_gaps: Gap) -> tuple[int, int]:
        return strips(PAINTER.render_price_chart([ChartPanel("BTC/USDT", MINUTE, holed, venue_gaps=venue_gaps)]))

    to_repair, explained, in_part = drawn(), drawn(own), drawn(part)
    assert to_repair[0] > explained[0] + 2000
    assert explained[1] > to_repair[1] + 2000
    assert in_part == to_repair


def test_a_long_gap_takes_no_more_room_than_a_short_one() -> None:
    frame = panel(candles(300)).frame
    short = frame.drop(frame.index[200:203])
    later = short.copy()
    later.index = later.index.where(later.index < frame.index[200], later.index + timedelta(days=40))
    positions = [Timeline(pd.DatetimeIndex(each.index), MINUTE).x.tolist() for each in (short, later)]
    assert positions[0] == positions[1]
    _, labels = Timeline(pd.DatetimeIndex(later.index), MINUTE).ticks(at_most=12)
    assert len(labels) > 6
    assert opened(PAINTER.render_price_chart([ChartPanel("BTC/USDT", MINUTE, later)])).size == (900, 270)


def test_times_are_round() -> None:
    positions, labels = Timeline(pd.DatetimeIndex(candles(120).index), MINUTE).ticks(at_most=12)
    assert positions == [float(k) for k in range(0, 120, 10)]
    assert labels[:3] == ["01 Mar", "00:10", "00:20"]


@pytest.mark.parametrize(
    ("price", "text"),
    [(84403.25, "84,403.25"), (124.5, "124.50"), (1.23456, "1.2346"), (0.000012346, "0.000012346"), (0.0, "0.0000")],
)
def test_prices_show_enough_digits(price: float, text: str) -> None:
    assert format_price(price) == text


def test_the_label_of_the_highest_candle_stays_inside_its_panel() -> None:
    """What is written above the panel is left as it was."""
    frame = candles(120)
    highest = SignalMark(frame["high"].idxmax().to_pydatetime(), Direction.SHORT, "trend")
    plain, marked = (opened(PAINTER.render_price_chart([panel(frame, *marks)])) for marks in ((), (highest,)))
    titles = [np.asarray(image.convert("RGB").crop((0, 0, image.width, 26)), int) for image in (plain, marked)]
    assert np.abs(titles[0] - titles[1]).max() < 40  # the palette is the picture's own


def measured(subjects: int, value: float = 1.0) -> MetricPanel:
    points = [
        MetricPoint(
            MetricName.PRICE_AGE_SECONDS, value * (1 + minute % 5), START + timedelta(minutes=minute), f"S{each}"
        )
        for minute in range(120)
        for each in range(subjects)
    ]
    return MetricPanel("Price age (s)", points)


@pytest.mark.parametrize(("panels", "height"), [(1, 150), (2, 150), (8, 600)])
def test_metrics_fit_the_page_however_many_there_are(panels: int, height: int) -> None:
    png = PAINTER.render_metric_chart([measured(7)] * panels, START, START + timedelta(hours=6))
    assert opened(png).size == (900, height)
    assert len(png) < 10_000 * max(panels, 2)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-9, 1e12])
def test_a_metric_is_drawn_whatever_its_size(value: float) -> None:
    png = PAINTER.render_metric_chart([measured(1, value)], START, START + timedelta(hours=2))
    assert pixels_of(png, AVERAGES[0]) > 100


def test_a_metric_chart_needs_a_panel() -> None:
    with pytest.raises(ValueError, match="panel"):
        PAINTER.render_metric_chart([], START, START + timedelta(hours=2))


def test_nothing_is_drawn_where_nothing_was_valued() -> None:
    """An outage of the venue is no straight line from its first minute to its last."""
    times = np.array([0.0, 60, 120, 17_160, 17_220])
    equity = np.array([1.0, 2, 3, 4, 5])

    moments, worth = broken_at_pauses(times, equity)

    assert moments.tolist() == [0.0, 60, 120, 17_160, 17_160, 17_220]
    assert np.isnan(worth).tolist() == [False, False, False, True, False, False]
    assert broken_at_pauses(times[:3], equity[:3])[1].tolist() == [1.0, 2, 3]
    assert broken_at_pauses(times[:1], equity[:1])[1].tolist() == [1.0]
