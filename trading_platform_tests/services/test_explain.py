"""From an order's id to its candles, checks, size, answers and result, and nothing that wasn't recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform.domain.errors import FixSettings
from trading_platform.domain.indicators import parse_indicators
from trading_platform.domain.instrument import plain
from trading_platform.domain.order import OrderStatus
from trading_platform.domain.order_machine import OrderEventKind
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, Signal, client_order_id
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.decide import decision
from trading_platform.services.explain import Explanation, explain
from trading_platform.services.halt_account import halt_account
from trading_platform.services.tell_explanation import as_markdown, as_text, as_values, tell
from trading_platform_tests.fakes.broker import Misbehaviour
from trading_platform_tests.services.workplace import CLOSE, PRICES, Workplace, priced_candle
from trading_platform_tests.support.examples import ACCOUNT, ENTRY, MINUTE, START, SYMBOL, minutes

SPECS = parse_indicators(["ema(12)", "atr(14)"])


@pytest.fixture
def place() -> Workplace:
    return Workplace()


def told(place: Workplace, name: str) -> Explanation:
    return explain(place.ledger, place.store, ACCOUNT, name, SPECS, place.settings.market.window_candles)


def sold(place: Workplace, price: str) -> Signal:
    """What was bought is sold two minutes later at another price."""
    place.broker.prices[SYMBOL] = Decimal(price)
    place.later(120)
    said = place.says(CLOSE + 2, Direction.SHORT)
    place.trade()
    return said


def test_an_entry_from_its_candle_to_its_fill(place: Workplace) -> None:
    bought = place.buys()

    story = told(place, bought.client_order_id)

    assert story.signal.signal_id == bought.signal_id
    assert story.candles.candle == priced_candle(CLOSE - 1, PRICES[SYMBOL])
    assert (story.candles.source, story.candles.count, story.candles.sources) == ("rest", 50, {"rest": 50})
    assert story.candles.indicators == {"ema_12": 50000.0, "atr_14": 0.0}
    assert [d.reason for d in story.decisions] == [ReasonCode.APPROVED]
    [order] = story.orders
    assert [event.kind for event in order.events][:2] == [OrderEventKind.INTENDED, OrderEventKind.SUBMITTED]
    assert order.reservation is not None
    assert (order.reservation.state, order.reservation.remaining) == ("settled", 0)
    assert order.reservation.amount == bought.reserved_amount
    assert [fill.quantity for fill in order.fills] == [bought.quantity]
    assert order.average_price == PRICES[SYMBOL]
    assert story.position is not None
    assert story.position.is_open


def test_plain_words_have_every_ground_of_the_decision(place: Workplace) -> None:
    bought = place.buys()

    text = as_text(told(place, bought.client_order_id))

    for words in (
        "long BTC/USDT by trend_following (version 1) on the 1m candle that closed at 2025-03-01 01:00:00 UTC",
        "because: a cross",
        "rsi_14 = 61.5",
        "close 50000, volume 1; from rest",
        "window of 50 candles since 2025-03-01 00:10:00 UTC: 50 from rest",
        "other indicators at it: ema_12 50000",
        "Decision: approved",
        f"settings {place.settings.fingerprint()}, run run-1",
        "check candles_are_fresh: passed",
        "size: fixed_fraction: 30.00% of equity 84.54 = 25.36",
        "size: most conservative: fixed_fraction",
        "market: candle open 2025-03-01T00:59:00+00:00",
        "Order (entry): buy 0.0005 BTC/USDT, market",
        f"client id {bought.client_order_id}",
        f"reserved {plain(bought.reserved_amount)} USDT: settled, 0 still held",
        "submitted",
        "fill of 0.0005 at 50000, fee 0.0000005 BTC",
        "still open",
    ):
        assert words in text, words


def test_what_a_halt_sells_is_explained_without_a_candle(place: Workplace) -> None:
    place.buys()
    halt_account(place.ledger, place.clock, ACCOUNT, "sell all", flatten=True)
    [sale] = place.trade().exits

    story = told(place, sale)

    assert story.candles.candle is None
    text = as_text(story)
    for words in ("sell what trend_following holds of BTC/USDT, by the halt of", "flatten: sell all", "market", sale):
        assert words in text, words
    assert as_values(story)["candles"]["candle"] is None


def test_numbers_are_rounded_for_people_and_exact_for_programs(place: Workplace) -> None:
    said = place.says()
    exact = "25.123456789012345678901"
    about = {"equity_quote": exact, "dust": "0.00000000123456", "sizing": [f"fixed: 30 % of {exact} = 7.53703703670"]}
    desk = place.desk()
    place.ledger.record_decision(decision(desk, said, ENTRY, ReasonCode.APPROVED, f"buy {exact}", details=about))
    story = told(place, said.signal_id)

    text = as_text(story)

    for words in ("equity quote: 25.12345679", "dust: 0.00000000123", "fixed: 30 % of 25.12345679 = 7.53703704"):
        assert words in text, words
    assert exact not in text
    assert exact in json.dumps(as_values(story))


def test_no_line_is_wider_than_a_terminal(place: Workplace) -> None:
    bought = place.buys()

    assert max(map(len, as_text(told(place, bought.client_order_id)).splitlines())) <= 118


def test_a_trade_that_is_over_tells_what_it_brought(place: Workplace) -> None:
    bought = place.buys()
    exit_signal = sold(place, "55000")

    entry, leaving = told(place, bought.signal_id), told(place, exit_signal.signal_id)

    assert [story.order.leg for story in entry.orders] == ["entry", "exit"]
    assert [story.order.leg for story in leaving.orders] == ["exit"]
    assert entry.position == leaving.position
    assert entry.position is not None
    # 25 went in; of 0.0005 the fee left 0.0004995, of which 0.00049 were sold for 26.95 less a fee of 0.02695
    gain = Decimal("26.95") - Decimal("0.02695") - Decimal(25) * Decimal("0.00049") / Decimal("0.0004995")
    assert entry.position.realized_pnl_quote == pytest.approx(gain)
    assert f"{gain:+.8f} after fees (+9.59% of what was invested)" in as_text(entry)


def test_a_position_that_left_unsold_is_told_as_such(place: Workplace) -> None:
    bought = place.buys()
    [held] = place.ledger.open_positions(ACCOUNT)
    place.broker.deposit(BTC=-held.quantity)
    place.trade()

    text = as_text(told(place, bought.signal_id))

    assert "with 0.0005 bought" in text
    assert "with nothing sold, no profit and no loss" in text


def test_a_refusal_is_explained_without_an_order() -> None:
    poor = Workplace(start_with={"USDT": Decimal(5)})
    said = poor.says()
    poor.trade()

    story = told(poor, said.signal_id)

    assert (story.orders, story.position) == ([], None)
    text = as_text(story)
    assert "Decision: insufficient free balance" in text
    assert "affordable from free 5.00" in text
    assert "no position was opened" in text


def test_what_a_lost_answer_looked_like(place: Workplace) -> None:
    place.broker.misbehave(Misbehaviour(lose_answer=True, arrives_after_questions=99))
    said = place.says()
    place.trade()

    text = as_text(told(place, said.signal_id))

    assert "unknown" in text
    assert "marked unknown" in text
    assert "USDT: active" in text
    held = place.ledger.reservation(client_order_id(said.signal_id, Leg(LegKind.ENTRY)))
    assert held is not None
    assert held.remaining == held.amount > 0


def test_a_candle_corrected_since_is_told(place: Workplace) -> None:
    seen = replace(place.says(), evidence={"ema_12": 49000.0})
    place.ledger = type(place.ledger)()
    place.ledger.open_account(ACCOUNT, "USDT", "paper", START)
    place.ledger.record_signals([seen], place.clock.wall())

    story = told(place, seen.signal_id)

    assert story.changed_evidence == {"ema_12": (49000.0, 50000.0)}
    assert "ema_12 was 49000 when it was judged, and its candles give 50000 now" in as_text(story)


def test_candles_that_are_gone_are_not_made_up(place: Workplace) -> None:
    said = place.says(CLOSE + 500)
    story = told(place, said.signal_id)
    assert story.candles.candle is None
    assert story.candles.indicators == {}
    assert "isn't stored any more" in as_text(story)


def test_a_later_signal_has_nothing_to_do_with_the_position(place: Workplace) -> None:
    place.buys()
    place.later(60)
    again = place.says(CLOSE + 1)
    place.trade()
    story = told(place, again.signal_id)
    assert [d.reason for d in story.decisions] == [ReasonCode.POSITION_EXISTS]
    assert (story.orders, story.position) == ([], None)


def test_the_beginning_of_an_id_is_enough(place: Workplace) -> None:
    bought = place.buys()
    by_signal, by_order = told(place, bought.signal_id[:6]), told(place, bought.client_order_id[:8])
    assert by_signal == by_order
    assert bought.venue_order_id is not None
    assert told(place, bought.venue_order_id) == by_signal


@pytest.mark.parametrize("name", ["", "nothing"])
def test_an_unknown_id_is_a_mistake(place: Workplace, name: str) -> None:
    place.buys()
    with pytest.raises(FixSettings, match="no signal or order"):
        told(place, name)


def test_an_ambiguous_id_lists_what_it_could_mean(place: Workplace) -> None:
    place.buys()
    place.buys("ETH/USDT")
    with pytest.raises(FixSettings, match=r"several signals.*BTC/USDT 01 Mar 01:00"):
        told(place, "tp")


def test_values_are_json_and_exact(place: Workplace) -> None:
    bought = place.buys()
    values = json.loads(json.dumps(as_values(told(place, bought.signal_id))))
    assert values["signal"]["signal_id"] == bought.signal_id
    assert values["signal"]["candle_close"] == minutes(CLOSE).isoformat()
    assert values["orders"][0]["order"]["quantity"] == "0.00050"
    assert values["orders"][0]["fills"][0]["fee"] == "0.00000050"
    assert values["decisions"][0]["details"]["sizing"]
    assert values["position"]["invested_quote"] == "25.00000"


def test_markdown_says_the_same_as_text(place: Workplace) -> None:
    bought = place.buys()
    assert bought.status is OrderStatus.FILLED
    story = told(place, bought.signal_id)
    markdown = as_markdown(story)
    for chapter in tell(story):
        assert f"**{chapter.title}**" in markdown
        for line in chapter.lines:
            assert f"- {line}" in markdown
    assert MINUTE.name in markdown
