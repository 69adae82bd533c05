"""The equity is marked, and the kill switch pulled when too much of its peak is lost."""

from __future__ import annotations

import structlog

from trading_platform.domain.account_rules.max_drawdown import judge_equity
from trading_platform.domain.halt import DRAWDOWN_RULE, Halt
from trading_platform.ports.clock import Clock
from trading_platform.ports.ledger import EquityPoint, Ledger
from trading_platform.ports.series_store import SeriesStore
from trading_platform.services.value_account import doubt_about_worth, value_account
from trading_platform.settings import Settings

log = structlog.get_logger()


def protect_account(ledger: Ledger, store: SeriesStore, clock: Clock, settings: Settings) -> Halt | None:
    """Mark the account's worth, and halt the account when it has lost `account_rules.max_drawdown` of its peak.

    A worth that rests on an old or odd price is not marked: one wrong bid would be a peak for ever, or a loss that
    never was. `ValuationWatch` tells the owner when that lasts.

    Returns
    -------
    Halt or None
        The halt in force.
    """
    account, rules = settings.account.name, settings.account_rules
    before = ledger.account(account)
    point = value_account(ledger, store, clock, account)
    halted = ledger.halt_in_force(account)
    if point is None or doubt_about_worth(ledger, store, clock, settings):
        return halted
    if ledger.equity_marks(account) is None:
        ledger.record_equity(point)  # where the course of its worth begins: before the first trade, and its fee
    marks = ledger.mark_equity(point, at_revision=before.revision)
    if halted or marks is None or marks.last_quote != point.equity_quote:
        return halted  # the account has changed meanwhile: the next look judges it
    verdict = judge_equity(point.equity_quote, marks, rules.max_drawdown)
    if verdict.passed:
        return None
    log.error("account_halted", account=account, why=verdict.reason)
    return ledger.halt(_halt(point, verdict.reason, flatten=rules.drawdown_flattens))


def _halt(point: EquityPoint, reason: str, *, flatten: bool) -> Halt:
    return Halt(point.account, DRAWDOWN_RULE, reason, point.recorded_at, point.venue_time, flatten)
