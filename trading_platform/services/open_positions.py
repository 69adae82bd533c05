"""Entries: every gate must be open, the money reserved, and only then is the order sent (I1, I2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from trading_platform.domain.attempts import NextStep
from trading_platform.domain.candle import Interval
from trading_platform.domain.check import EVERY, CheckName, CheckResult
from trading_platform.domain.entry_price import rest_of_entry
from trading_platform.domain.errors import AccountHalted, NotArmed, RefuseTrade
from trading_platform.domain.halt import flatten_signal, is_flatten_signal
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Order, Side
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, LegKind, Signal
from trading_platform.domain.sizing import BPS
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.arm_account import why_not_armed
from trading_platform.services.check_market_data import check_clock, check_series
from trading_platform.services.decide import PutOff, put_off, refuse
from trading_platform.services.judge_account import as_details, judge_account, require_passed, room_quote
from trading_platform.services.look_at_venue_orders import FOREIGN
from trading_platform.services.place_entry import (
    EntryAttempt,
    EntryOrder,
    close_superseded,
    conclude_entry,
    entry_attempt,
    entry_price,
    require_depth,
    reserve_and_send,
)
from trading_platform.services.size_position import seen_market, size_position
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.services.value_account import doubt_about_worth, value_account

ENTRY = Leg(LegKind.ENTRY)
_ORDER_FOLLOWS = (NextStep.FIRST, NextStep.REPEAT, NextStep.REPRICE, NextStep.CROSS)
RECORDED_RULES = (CheckName.ONCE, CheckName.IN_ORDER, CheckName.WELL_FORMED, CheckName.AGREED)
"""Rules about what was seen over minutes: judged by the refresh runs, and never more than a warning."""


def consume_signals(desk: TradingDesk, in_flight: Mapping[str, Order], *, reconciled: bool) -> list[str]:
    """Decide every open signal: the newest per strategy and symbol governs, older ones are superseded.

    Parameters
    ----------
    in_flight
        Orders that aren't final, by symbol.
    reconciled
        Whether the ledger's balances were just found to be the venue's.

    Returns
    -------
    list of str
        Client order ids of the entries sent.
    """
    sent, at_work = [], dict(in_flight)
    for signal in _governing(desk, desk.ledger.open_signals(desk.account)):
        waiting = at_work.get(signal.symbol)
        if waiting is not None and waiting.signal_id == signal.signal_id:
            continue  # its own order is under way
        if waiting is not None:
            put_off(desk, signal, ENTRY, ReasonCode.ORDER_IN_FLIGHT, "an order of this symbol isn't settled yet")
        elif signal.direction is Direction.SHORT:
            _dismiss_short(desk, signal)
        else:
            order_id = _try_entry(desk, signal, reconciled)
            if order_id:
                sent.append(order_id)
                order = desk.ledger.order(order_id)
                if order is not None and not order.status.is_final:
                    at_work[signal.symbol] = order  # nor may another strategy buy beside it
    return sent


def _governing(desk: TradingDesk, signals: Sequence[Signal]) -> list[Signal]:
    """The signals that no later verdict of their strategy stands against, open or acted upon; the others are closed."""
    governing = []
    for signal in signals:
        [newest] = desk.ledger.recent_signals(desk.account, 1, symbol=signal.symbol, strategy=signal.strategy)
        if newest.signal_id == signal.signal_id:
            governing.append(signal)
            continue
        message = f"the same strategy judged again at {newest.candle_close:%H:%M} UTC"
        attempt = entry_attempt(desk, signal)
        if attempt.legs:
            close_superseded(desk, signal, attempt, message)
        else:
            refuse(desk, signal, ENTRY, ReasonCode.SUPERSEDED, message)
    return governing


def _dismiss_short(desk: TradingDesk, signal: Signal) -> None:
    """A short signal that no exit took up has nothing to close: the account only ever holds long."""
    if is_flatten_signal(signal) and not _is_flattening(desk, signal):
        refuse(desk, signal, ENTRY, ReasonCode.SUPERSEDED, "the account was resumed before it was flat")
        return
    held = [p for p in desk.ledger.open_positions(desk.account) if p.symbol == signal.symbol]
    if not any(position.strategy == signal.strategy for position in held):
        refuse(desk, signal, ENTRY, ReasonCode.NO_POSITION, f"{signal.strategy} holds no {signal.symbol}")


def _is_flattening(desk: TradingDesk, signal: Signal) -> bool:
    halt = desk.ledger.halt_in_force(desk.account)
    return halt is not None and flatten_signal(halt, signal.symbol, signal.strategy).signal_id == signal.signal_id


def _try_entry(desk: TradingDesk, signal: Signal, reconciled: bool) -> str | None:
    attempt = entry_attempt(desk, signal)
    if attempt.step not in _ORDER_FOLLOWS:
        conclude_entry(desk, signal, attempt)
        return None
    details: dict[str, Any] = {}
    try:
        _refuse_by_rule(desk, signal, attempt)
        if not reconciled:
            raise _not_reconciled(desk)
        _require_no_foreign_order(desk)
        details["checks"] = _trusted_checks(desk, signal)
        ticker, equity = _prices(desk, signal)
        verdicts = judge_account(desk, signal, ticker, equity)
        details["protections"] = as_details(verdicts)
        require_passed(desk, signal, verdicts)
        entry, facts = _size(desk, signal, attempt, ticker, equity, room_quote(verdicts))
    except RefuseTrade as refusal:
        refuse(desk, signal, attempt.leg, ReasonCode(refusal.reason_code), str(refusal), details)
        return None
    except PutOff as later:
        put_off(desk, signal, attempt.leg, later.reason, str(later), details)
        return None
    return reserve_and_send(desk, signal, attempt, entry, {**details, **facts})


def _not_reconciled(desk: TradingDesk) -> PutOff:
    standing = desk.ledger.balance_differences(desk.account)
    if standing:
        return PutOff(ReasonCode.BALANCE_DIFFERS, "; ".join(each.told for each in standing))
    return PutOff(ReasonCode.BALANCE_NOT_RECONCILED, "the venue's balances aren't known")


def _refuse_by_rule(desk: TradingDesk, signal: Signal, attempt: EntryAttempt) -> None:
    """The rules that no later attempt could change."""
    risk, now = desk.settings.risk, desk.clock.read()
    if not signal.is_valid_at(now, risk.signal_valid_for_seconds, risk.reaction_allowance_seconds):
        age = (now.now - signal.candle_close).total_seconds()
        raise RefuseTrade(ReasonCode.SIGNAL_EXPIRED, f"its candle closed {age:.0f} s ago on the venue's clock")
    halt = desk.ledger.halt_in_force(desk.account)
    if halt is not None:
        raise AccountHalted(halt.told)
    if desk.settings.is_live and (unarmed := why_not_armed(desk.ledger, desk.settings)):
        raise NotArmed(unarmed)
    held = desk.ledger.open_positions(desk.account)
    own = (signal.symbol, signal.strategy, signal.candle_close)
    if attempt.filled and own in {(each.symbol, each.strategy, each.entry_candle_close) for each in held}:
        return  # counted already
    if any(position.symbol == signal.symbol for position in held):
        raise RefuseTrade(ReasonCode.POSITION_EXISTS, f"{signal.symbol} is held already")
    if attempt.filled:
        raise RefuseTrade(ReasonCode.NO_POSITION, f"the {attempt.filled} that it bought are sold: no more is bought")
    entries = [o for o in desk.ledger.unsettled_orders(desk.account) if o.side is Side.BUY]
    if len(held) + len(entries) >= risk.max_open_positions:
        raise RefuseTrade(ReasonCode.TOO_MANY_POSITIONS, f"{risk.max_open_positions} positions are the most")


def _require_no_foreign_order(desk: TradingDesk) -> None:
    """Somebody else trades on the account: what is free and what is held may change under our hands."""
    foreign = [incident for incident in desk.journal.open_incidents() if incident.key.startswith(FOREIGN)]
    if foreign:
        raise PutOff(ReasonCode.FOREIGN_ORDER, foreign[0].summary)


def _trusted_checks(desk: TradingDesk, signal: Signal) -> list[dict[str, Any]]:
    """The check results that the entry relies on, made now from the data's own time (I1).

    Errors shut the gate. Warnings don't; those of rules that need more than a look, which the refresh runs have
    recorded, are written down beside them.
    """
    results = [
        *check_series(desk.store, desk.clock, desk.settings, signal.symbol, Interval.parse(signal.interval)),
        check_clock(desk.feed, desk.clock, desk.settings),
    ]
    failed = [result for result in results if result.keeps_entries_back]
    if failed:
        drifted = any(result.name is CheckName.CLOCK for result in failed)
        reason = ReasonCode.CLOCK_DRIFT if drifted else ReasonCode.DATA_NOT_TRUSTED
        raise PutOff(reason, "; ".join(result.reason for result in failed))
    return [_as_detail(result) for result in (*results, *_recorded_warnings(desk, signal))]


def _recorded_warnings(desk: TradingDesk, signal: Signal) -> list[CheckResult]:
    recorded = [
        *desk.journal.latest_checks(signal.symbol, signal.interval).values(),
        *desk.journal.latest_checks(signal.symbol, EVERY).values(),
    ]
    return [result for result in recorded if result.name in RECORDED_RULES and not result.passed]


def _as_detail(result: CheckResult) -> dict[str, Any]:
    return {
        "check": str(result.name),
        "verdict": "passed" if result.passed else str(result.severity),
        "reason": result.reason,
        "data_time": result.data_time.isoformat() if result.data_time else None,
        "checked_at": result.checked_at.isoformat(),
    }


def _prices(desk: TradingDesk, signal: Signal) -> tuple[Ticker, Decimal]:
    """The symbol's fresh price, and what the account is worth, by fresh prices of all that it holds."""
    limit = desk.settings.freshness.max_price_age_seconds
    ticker = desk.store.tickers([signal.symbol]).get(signal.symbol)
    if ticker is None or ticker.age_seconds(desk.clock.wall()) > limit:
        raise PutOff(ReasonCode.NO_FRESH_PRICE, f"no price of {signal.symbol} is younger than {limit:.0f} s")
    value = value_account(desk.ledger, desk.store, desk.clock, desk.account)
    if value is None:
        raise PutOff(ReasonCode.NO_FRESH_PRICE, "the account can't be valued: a price or the balance is missing")
    doubt = doubt_about_worth(desk.ledger, desk.store, desk.clock, desk.settings)
    if doubt:
        raise PutOff(ReasonCode.NO_FRESH_PRICE, f"the account can't be valued: {doubt}")
    return ticker, value.equity_quote


def _size(
    desk: TradingDesk,
    signal: Signal,
    attempt: EntryAttempt,
    ticker: Ticker,
    equity_quote: Decimal,
    room: Decimal | None,
) -> tuple[EntryOrder, dict[str, Any]]:
    """The order to reserve, and the facts behind it.

    Parameters
    ----------
    room
        The most that the account's limits leave for it.
    """
    risk, state = desk.settings.risk, desk.ledger.account(desk.account)
    price, limit_price = entry_price(desk, attempt, ticker)
    slippage = risk.slippage_bps if limit_price is None else Decimal(0)
    instrument = desk.instrument(signal.symbol)
    facts: dict[str, Any] = {
        "equity_quote": str(equity_quote),
        "bid": str(ticker.bid),
        "ask": str(ticker.ask),
        "price_received_at": ticker.received_at.isoformat(),
    }
    if attempt.wanted is None:
        market = seen_market(desk.store, signal, desk.settings.market.window_candles)
        sized = size_position(
            desk,
            signal,
            market,
            equity_quote=equity_quote,
            free_quote=state.balances[state.quote].free,
            price=price,
            slippage_bps=slippage,
            room_quote=room,
        )
        facts["market"] = market.as_detail()
        quantity, reserve, facts["sizing"] = sized.quantity, sized.reserve_quote, list(sized.steps)
    else:
        unit = price * (1 + slippage / BPS) * (1 + instrument.taker_fee_rate)
        # others may have bought, or limits been lowered, since the first of its orders was sized
        wanted = attempt.wanted if room is None else min(attempt.wanted, attempt.filled + room / unit)
        quantity = rest_of_entry(wanted, attempt.filled, price, instrument)
        reserve = quantity * unit
        facts["sizing"] = [f"{attempt.wanted} wanted, {attempt.filled} bought, {quantity} left"]
    if limit_price is None:
        facts |= require_depth(desk, signal.symbol, quantity, ticker.ask)
    return EntryOrder(quantity, reserve, limit_price), facts
