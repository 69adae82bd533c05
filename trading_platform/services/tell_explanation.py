"""An explanation in plain words: for the terminal, and in Markdown for the UI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from textwrap import wrap
from typing import Any

from trading_platform.domain.candle import Candle
from trading_platform.domain.halt import is_flatten_signal
from trading_platform.domain.instrument import plain
from trading_platform.domain.order import Side
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.ports.ledger import Decision
from trading_platform.services.explain import Explanation, OrderStory

_PLACES = 8
_LONG_NUMBER = re.compile(rf"\d+\.\d{{{_PLACES + 1},}}(?![\d.])")
_COLUMNS = 118
_TOLD_APART = ("checks", "protections", "sizing", "run_id", "settings")


@dataclass(frozen=True)
class Chapter:
    """A heading and its sentences."""

    title: str
    lines: tuple[str, ...]


def tell(explanation: Explanation) -> list[Chapter]:
    """Chapters in the order in which things happened; numbers rounded, as `as_values` has them exact."""
    chapters = [
        Chapter("Signal", tuple(_signal(explanation))),
        Chapter("Candles", tuple(_candles(explanation))),
        *(Chapter(f"Decision: {_plain(d.reason)}", tuple(_decision(d))) for d in explanation.decisions),
        *(Chapter(_order_title(story), tuple(_order(story))) for story in explanation.orders),
        Chapter("Result", tuple(_result(explanation))),
    ]
    rounded = ((chapter.title, (_LONG_NUMBER.sub(_rounded, line) for line in chapter.lines)) for chapter in chapters)
    return [Chapter(title, tuple(lines)) for title, lines in rounded]


def as_text(explanation: Explanation) -> str:
    """For a terminal."""
    return "\n\n".join("\n".join([c.title, *_wrapped(c.lines)]) for c in tell(explanation))


def as_markdown(explanation: Explanation) -> str:
    """For the UI."""
    return "\n\n".join("\n".join([f"**{c.title}**", "", *(f"- {line}" for line in c.lines)]) for c in tell(explanation))


def as_values(explanation: Explanation) -> dict[str, Any]:
    """JSON values: money as text, times as ISO 8601."""
    values: dict[str, Any] = _json(asdict(explanation))
    values["signal"]["signal_id"] = explanation.signal.signal_id
    return values


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from wrap(line, _COLUMNS, initial_indent="  ", subsequent_indent="      ", break_long_words=False)


def _rounded(number: re.Match[str]) -> str:
    """To as many places as an exchange tells, or to three digits where it is smaller than that."""
    exact = Decimal(number.group())
    places = max(_PLACES, 2 - exact.adjusted()) if exact else _PLACES
    return plain(round(exact, places))


def _signal(explanation: Explanation) -> Iterator[str]:
    signal = explanation.signal
    if is_flatten_signal(signal):
        halted_at = _time(signal.candle_close)
        yield f"sell what {signal.strategy} holds of {signal.symbol}, by the halt of {halted_at}: no strategy says it"
    else:
        yield (
            f"{signal.direction} {signal.symbol} by {signal.strategy} (version {signal.strategy_version}) on the"
            f" {signal.interval} candle that closed at {_time(signal.candle_close)}"
        )
    yield f"because: {signal.reason}"
    yield f"id {signal.signal_id}, account {signal.account}"
    for name, value in signal.evidence.items():
        yield f"{name} = {value:.8g}"


def _candles(explanation: Explanation) -> Iterator[str]:
    candles = explanation.candles
    if is_flatten_signal(explanation.signal):
        yield "none: a halt asks for no candle"
        return
    if candles.candle is None or candles.first_open is None:
        yield "the judged candle isn't stored any more"
        return
    yield f"{_prices(candles.candle)}; from {candles.source}"
    origin = ", ".join(f"{number} from {source}" for source, number in sorted(candles.sources.items()))
    yield f"window of {candles.count} candles since {_time(candles.first_open)}: {origin}"
    evidence = explanation.signal.evidence
    others = [f"{name} {value:.8g}" for name, value in candles.indicators.items() if name not in evidence]
    if others:
        yield "other indicators at it: " + ", ".join(others)
    for name, (then, now) in explanation.changed_evidence.items():
        yield f"{name} was {then:.8g} when it was judged, and its candles give {now:.8g} now: one was corrected since"


def _prices(candle: Candle) -> str:
    names = ("open", "high", "low", "close", "volume")
    return ", ".join(f"{name} {plain(getattr(candle, name))}" for name in names)


def _decision(decision: Decision) -> Iterator[str]:
    later = "done, the signal stays open" if decision.reason is ReasonCode.APPROVED else "put off, to be tried again"
    verdict = "final" if decision.is_final else later
    yield f"{decision.leg} at {_time(decision.decided_at)} ({verdict}): {decision.message}"
    details = decision.details
    yield f"settings {details.get('settings', 'unknown')}, run {details.get('run_id', 'unknown')}"
    for check in details.get("checks", ()):
        seen = f", data of {check['data_time']}" if check.get("data_time") else ""
        yield f"check {check['check']}: {check['verdict']} ({check['reason']}{seen})"
    for rule in details.get("protections", ()):
        yield f"protection {rule['rule']}: {rule['verdict']} ({rule['reason']})"
    for step in details.get("sizing", ()):
        yield f"size: {step}"
    for name, value in details.items():
        if name not in _TOLD_APART:
            yield f"{name.replace('_', ' ')}: {_flat(value)}"


def _order_title(story: OrderStory) -> str:
    order = story.order
    price = f" at {plain(order.limit_price)}" if order.limit_price is not None else ""
    stop = f", once {plain(order.stop_price)} is reached" if order.stop_price is not None else ""
    return (
        f"Order ({order.leg}): {order.side} {plain(order.quantity)} {order.symbol}, {_plain(order.kind)}{price}{stop}"
    )


def _order(story: OrderStory) -> Iterator[str]:
    order, held = story.order, story.reservation
    yield f"{_plain(order.status)}, {plain(order.filled_quantity)} filled; client id {order.client_order_id}"
    if held is not None:
        yield f"reserved {plain(held.amount)} {held.asset}: {held.state}, {plain(held.remaining)} still held"
    for event in story.events:
        code = f", code {event.code}" if event.code else ""
        at_venue = f", venue's id {event.venue_order_id}" if event.venue_order_id else ""
        told = f" ({event.reason}{code}{at_venue})" if event.reason or code or at_venue else ""
        yield f"{_time(event.at)} {_plain(event.kind)}{told}"
    for fill in story.fills:
        traded = f"fill of {plain(fill.quantity)} at {plain(fill.price)}, fee {plain(fill.fee)} {fill.fee_asset}"
        yield f"{_time(fill.time)} by the venue's clock: {traded}"
    if story.average_price is not None:
        verb = "paid" if order.side is Side.BUY else "received"
        yield f"{verb} {story.average_price:.8g} per unit on average"


def _result(explanation: Explanation) -> Iterator[str]:
    position = explanation.position
    if position is None:
        said = explanation.signal.direction
        yield "no position was opened" if said is Direction.LONG else "no position was closed"
        return
    opened = f"position in {position.symbol} opened at {_time(position.opened_at)}"
    if not (position.is_open or position.is_trade):
        yield f"{opened}, with {plain(position.bought_quantity)} bought"
        gone = "what was bought left the account by another way, or is too little for an order"
        yield f"closed at {_time(position.closed_at)} with nothing sold, no profit and no loss: {gone}"
        return
    yield f"{opened} for {position.invested_quote:.8f}"
    if position.is_open:
        yield f"still open: {plain(position.quantity)} held at {position.average_price or 0:.8g}"
        if position.realized_pnl_quote:
            yield f"realised so far {position.realized_pnl_quote:+.8f}"
        return
    gain = position.return_on_cost
    share = f" ({gain:+.2%} of what was invested)" if gain is not None else ""
    yield f"closed at {_time(position.closed_at)}: {position.realized_pnl_quote:+.8f} after fees{share}"


def _time(moment: datetime | None) -> str:
    return "—" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _plain(code: str) -> str:
    return str(code).replace("_", " ")


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_flat(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_flat, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _json(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value
