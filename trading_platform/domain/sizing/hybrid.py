"""The most conservative of the methods that the settings choose."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.instrument import plain
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.sizing.basis import SizingBasis
from trading_platform.domain.sizing.fixed_fraction import fixed_fraction
from trading_platform.domain.sizing.fixed_risk import fixed_risk, loss_at_stop
from trading_platform.domain.sizing.kelly import estimate_edge, kelly
from trading_platform.domain.sizing.rules import SizingMethod, SizingRules
from trading_platform.domain.sizing.volatility_target import volatility_target


@dataclass(frozen=True)
class Proposal:
    """What one method would spend, in quote, and its reckoning in words; None if it sets no bound."""

    method: SizingMethod
    notional_quote: Decimal | None
    reckoning: str


def propose(basis: SizingBasis, rules: SizingRules, fraction: Decimal, fee_rate: Decimal) -> list[Proposal]:
    """What each chosen method proposes, in the order of the settings.

    Raises
    ------
    RefuseTrade
        If a method refuses: the stop can't protect, or there is no edge and the owner wants none without.
    """
    return [_propose(method, basis, rules, fraction, fee_rate) for method in rules.methods]


def most_conservative(proposals: list[Proposal]) -> Proposal:
    """The smallest proposal.

    Raises
    ------
    RefuseTrade
        If none of the methods sets a bound: nothing says how much to buy.
    """
    bounded = [(proposal.notional_quote, index) for index, proposal in enumerate(proposals) if proposal.notional_quote]
    nothing = [proposal for proposal in proposals if proposal.notional_quote == 0]
    if nothing:
        return nothing[0]
    if not bounded:
        raise RefuseTrade(ReasonCode.NO_SIZE, "; ".join(proposal.reckoning for proposal in proposals))
    return proposals[min(bounded)[1]]


def _propose(
    method: SizingMethod, basis: SizingBasis, rules: SizingRules, fraction: Decimal, fee_rate: Decimal
) -> Proposal:
    equity = basis.equity_quote
    if method is SizingMethod.FIXED_FRACTION:
        notional = fixed_fraction(equity, fraction)
        return Proposal(method, notional, f"{method}: {fraction:.2%} of equity {equity:.2f} = {notional:.2f}")
    if method is SizingMethod.FIXED_RISK:
        return _fixed_risk(basis, rules, fee_rate)
    if method is SizingMethod.KELLY:
        return _kelly(basis, rules)
    return _volatility_target(basis, rules)


def _fixed_risk(basis: SizingBasis, rules: SizingRules, fee_rate: Decimal) -> Proposal:
    equity, risk = basis.equity_quote, rules.risk_per_trade
    notional = fixed_risk(equity, risk, basis.ask, basis.stop_price, fee_rate)
    loss = loss_at_stop(basis.ask, basis.stop_price, fee_rate)
    reckoning = (
        f"{SizingMethod.FIXED_RISK}: {risk:.2%} of equity {equity:.2f} at risk, {loss:.2%} lost with fees if sold"
        f" at {plain(basis.stop_price)} = {notional:.2f}"
    )
    return Proposal(SizingMethod.FIXED_RISK, notional, reckoning)


def _kelly(basis: SizingBasis, rules: SizingRules) -> Proposal:
    edge = estimate_edge(basis.trade_returns[: rules.kelly_trades], rules.kelly_prior_trades)
    notional = kelly(basis.equity_quote, edge, rules.kelly_multiple, rules.kelly_cap)
    reckoning = (
        f"{SizingMethod.KELLY}: {edge.wins} of {edge.trades} trades won, {edge.mean_win:.2%} on average against"
        f" {edge.mean_loss:.2%}: optimum {edge.optimal:.2%} x trust {edge.weight:.2f} x {rules.kelly_multiple},"
        f" at most {rules.kelly_cap:.2%} of equity {basis.equity_quote:.2f} = {notional:.2f}"
    )
    # no trade yet is no evidence against the strategy
    if notional == 0 and edge.trades and rules.kelly_without_edge == "refuse":
        raise RefuseTrade(ReasonCode.NO_EDGE, reckoning)
    return Proposal(SizingMethod.KELLY, notional, reckoning)


def _volatility_target(basis: SizingBasis, rules: SizingRules) -> Proposal:
    method, equity, target = SizingMethod.VOLATILITY_TARGET, basis.equity_quote, rules.volatility_target
    if basis.volatility is None:
        raise RefuseTrade(ReasonCode.NO_SIZE, f"{method}: the symbol's volatility isn't known")
    notional = volatility_target(equity, target, basis.volatility)
    if notional is None:
        return Proposal(method, None, f"{method}: the price doesn't move, which bounds nothing")
    reckoning = (
        f"{method}: {target:.2%} of equity {equity:.2f} a year, the symbol swings {basis.volatility:.2%}"
        f" = {notional:.2f}"
    )
    return Proposal(method, notional, reckoning)
