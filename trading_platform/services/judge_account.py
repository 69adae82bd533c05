"""Every rule that protects the account, asked about one entry before it is sized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading_platform.domain.account_rules import (
    AccountView,
    ClosedTrade,
    RuleVerdict,
    judge_balance_age,
    judge_cooldown,
    judge_correlation,
    judge_daily_loss,
    judge_drawdown,
    judge_halt,
    judge_live_cap,
    judge_losing_streak,
    judge_order_rate,
    judge_price_band,
    judge_symbol_exposure,
    judge_total_exposure,
    log_returns,
)
from trading_platform.domain.account_rules.order_rate import WINDOW
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.market import Ticker
from trading_platform.domain.order import Side
from trading_platform.domain.position import Position
from trading_platform.domain.signal import Signal
from trading_platform.domain.venue_time import VenueTime
from trading_platform.services.decide import PutOff
from trading_platform.services.trading_desk import TradingDesk
from trading_platform.settings import Settings


def judge_account(desk: TradingDesk, signal: Signal, ticker: Ticker, equity_quote: Decimal) -> list[RuleVerdict]:
    """What each rule says about buying the signal's symbol now.

    Parameters
    ----------
    ticker
        The symbol's price, fresh.
    equity_quote
        Worth of the account.
    """
    return judge_view(account_view(desk, signal, ticker, equity_quote), desk.settings)


def judge_view(view: AccountView, settings: Settings) -> list[RuleVerdict]:
    """The verdicts, by the limits of the settings."""
    rules, limits = settings.account_rules, settings.limits
    return [
        judge_halt(view),
        judge_drawdown(view, rules.max_drawdown),
        judge_daily_loss(view, rules.max_daily_loss),
        judge_losing_streak(view, rules.losses_to_pause, rules.losing_pause_seconds),
        judge_cooldown(view, settings.risk.cooldown_seconds),
        judge_symbol_exposure(view, limits.max_symbol_exposure),
        judge_total_exposure(view, limits.max_total_exposure),
        judge_live_cap(view, limits.live_max_exposure_quote, limits.live_max_order_quote),
        judge_correlation(view, rules.max_correlation),
        judge_order_rate(view, rules.max_orders_per_minute),
        judge_price_band(view, rules.max_ask_from_last_bps, rules.max_ask_from_median_bps, rules.median_candles),
        judge_balance_age(view, rules.max_balance_age_seconds),
    ]


def require_passed(desk: TradingDesk, signal: Signal, verdicts: Sequence[RuleVerdict]) -> None:
    """Let the entry go on if every rule has passed.

    Raises
    ------
    RefuseTrade
        For good: the refusal outlasts the signal, or only the owner can end it.
    PutOff
        It may be over while the signal is still valid.
    """
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if not failed:
        return
    now = desk.clock.read()
    lasting = [verdict for verdict in failed if not _may_end_in_time(verdict, desk.settings, signal, now)]
    message = "; ".join(verdict.reason for verdict in (lasting or failed))
    code = (lasting or failed)[0].code
    assert code is not None  # it hasn't passed
    raise RefuseTrade(code, message) if lasting else PutOff(code, message)


def room_quote(verdicts: Sequence[RuleVerdict]) -> Decimal | None:
    """The most that the entry may cost by every rule; None for no bound."""
    rooms = [verdict.room_quote for verdict in verdicts if verdict.room_quote is not None]
    return min(rooms, default=None)


def as_details(verdicts: Sequence[RuleVerdict]) -> list[dict[str, Any]]:
    """For the decision."""
    return [
        {
            "rule": verdict.rule,
            "verdict": "passed" if verdict.passed else "refused",
            "reason": verdict.reason,
            **({"until": verdict.until.isoformat()} if verdict.until else {}),
            **({"room_quote": str(verdict.room_quote)} if verdict.room_quote is not None else {}),
        }
        for verdict in verdicts
    ]


def account_view(desk: TradingDesk, signal: Signal, ticker: Ticker, equity_quote: Decimal) -> AccountView:
    """Everything that the rules look at."""
    ledger, account, rules = desk.ledger, desk.account, desk.settings.account_rules
    now = desk.clock.read()
    newest_halt = next(iter(ledger.halts(account, 1)), None)
    since = newest_halt.resumed_venue_time if newest_halt else None
    exposure = _exposure(desk)
    interval = Interval.parse(signal.interval)
    candles = desk.store.candles(signal.symbol, interval, newest=rules.median_candles)
    return AccountView(
        symbol=signal.symbol,
        time=now,
        equity_quote=equity_quote,
        smallest_order_quote=max(
            desk.settings.risk.notional_floor_quote, desk.instrument(signal.symbol).min_notional_quote
        ),
        ask=ticker.ask,
        last=ticker.last,
        halt=newest_halt if newest_halt and newest_halt.resumed_at is None else None,
        marks=ledger.equity_marks(account),
        closed_trades=_results(ledger.closed_trades(account, rules.losses_to_pause, since=since)),
        symbol_closed_at=ledger.last_closed_at(account, signal.symbol),
        exposure_quote=exposure,
        entries_at=ledger.entries_since(account, now.now - WINDOW),
        closes=[candle.close for candle in candles],
        returns=_returns(desk, interval, {signal.symbol, *exposure}) if set(exposure) - {signal.symbol} else {},
        reconciled_at=ledger.account(account).reconciled_at,
        is_live=desk.settings.is_live,
    )


def _may_end_in_time(verdict: RuleVerdict, settings: Settings, signal: Signal, now: VenueTime) -> bool:
    if verdict.until is None:
        return verdict.may_heal
    at_the_end = VenueTime(verdict.until, now.wall, now.speed)
    return signal.is_valid_at(
        at_the_end, settings.risk.signal_valid_for_seconds, settings.risk.reaction_allowance_seconds
    )


def _results(closed: Sequence[Position]) -> list[ClosedTrade]:
    return [ClosedTrade(each.symbol, each.closed_at, each.realized_pnl_quote) for each in closed if each.closed_at]


def _exposure(desk: TradingDesk) -> dict[str, Decimal]:
    """Per symbol what is held, at the bid, and what entries in flight may still cost."""
    positions = desk.ledger.open_positions(desk.account)
    tickers = desk.store.tickers([position.symbol for position in positions])
    exposure = {
        position.symbol: position.quantity * tickers[position.symbol].bid
        for position in positions
        if position.symbol in tickers  # the account can't be valued without, so nothing gets here
    }
    for order in desk.ledger.unsettled_orders(desk.account):
        if order.side is Side.BUY:
            exposure[order.symbol] = exposure.get(order.symbol, Decimal(0)) + order.reserved_amount
    return exposure


def _returns(desk: TradingDesk, interval: Interval, symbols: set[str]) -> Mapping[str, Mapping[datetime, float]]:
    newest = desk.settings.account_rules.correlation_candles + 1
    frames = {symbol: desk.store.candle_frame(symbol, interval, newest=newest)["close"] for symbol in symbols}
    return {symbol: log_returns(dict(zip(closes.index, closes, strict=True))) for symbol, closes in frames.items()}
