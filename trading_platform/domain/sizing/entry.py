"""An order out of a proposed size: within the limits, on the exchange's grid, and closable."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.instrument import Instrument, ceil_to_step, plain
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.sizing.basis import EntryLimits, SizingBasis
from trading_platform.domain.sizing.closable import protection_fault, sellable_after, smallest_closable
from trading_platform.domain.sizing.hybrid import most_conservative, propose
from trading_platform.domain.sizing.rules import SizingRules

BPS = Decimal(10_000)


@dataclass(frozen=True)
class SizedOrder:
    """A quantity that the exchange accepts, what it may cost at most, and how it came about."""

    quantity: Decimal
    reserve_quote: Decimal
    steps: tuple[str, ...]


@dataclass(frozen=True)
class _Bound:
    """A largest notional, and why; a remote one is only worth words where it bounds."""

    notional: Decimal
    reason: ReasonCode
    words: str
    is_remote: bool = False


def size_entry(
    basis: SizingBasis, instrument: Instrument, rules: SizingRules, limits: EntryLimits, *, open_orders: int = 0
) -> SizedOrder:
    """Size of a market buy.

    The most conservative method's notional is cut to the limits (share of the equity, free balance after slippage and
    fee, the exchange's largest order) and rounded down to the lot grid. What comes out smaller than the smallest
    sensible order is raised to it where limits and balance allow, so that a small account trades at all. The smallest
    sensible order is the larger of the notional floor, and of what the exchange would still take as one sell order at
    the stop's price after the fee.

    Parameters
    ----------
    open_orders
        Orders of the symbol that rest at the exchange already.

    Raises
    ------
    RefuseTrade
        With the reason code, if no acceptable quantity exists. Its message has the steps.
    """
    fault = protection_fault(instrument, basis.ask, basis.stop_price, basis.stop_limit, open_orders)
    if fault:
        raise RefuseTrade(ReasonCode.STOP_NOT_PLACEABLE, fault)
    proposals = propose(basis, rules, limits.fraction_of_equity, instrument.taker_fee_rate)
    steps = [proposal.reckoning for proposal in proposals]
    chosen = most_conservative(proposals)
    if len(proposals) > 1:
        steps.append(f"most conservative: {chosen.method}")
    wanted = instrument.floor_quantity((chosen.notional_quote or Decimal(0)) / basis.ask)

    bounds = _bounds(basis, instrument, limits)
    tightest = min(bounds, key=lambda bound: bound.notional)
    steps += [bound.words for bound in bounds if bound is tightest or not bound.is_remote]
    largest = instrument.floor_quantity(max(tightest.notional, Decimal(0)) / basis.ask)

    closable = smallest_closable(basis.ask, basis.exit_price, instrument)
    floor = ceil_to_step(limits.notional_floor_quote / basis.ask, instrument.lot_step)
    smallest = max(closable, floor)
    steps.append(_smallest_words(basis, instrument, limits, closable, floor))
    if largest < smallest:
        raise RefuseTrade(
            _refusal(tightest, closable, basis, instrument, limits),
            f"at most {tightest.notional:.2f} {instrument.quote}, and the smallest order is"
            f" {smallest * basis.ask:.2f}; " + "; ".join(steps),
        )
    quantity = min(max(wanted, smallest), largest)
    steps.append(_result_words(basis, instrument, wanted, quantity))
    reserve = quantity * basis.ask * _worst_cost_factor(instrument, limits)
    return SizedOrder(quantity, reserve, tuple(steps))


def _worst_cost_factor(instrument: Instrument, limits: EntryLimits) -> Decimal:
    """What a market buy may take from the balance, per notional at the ask."""
    return (1 + limits.slippage_bps / BPS) * (1 + instrument.taker_fee_rate)


def _bounds(basis: SizingBasis, instrument: Instrument, limits: EntryLimits) -> list[_Bound]:
    share = limits.largest_share(basis.equity_quote)
    by_share = share * basis.equity_quote
    affordable = basis.free_quote / _worst_cost_factor(instrument, limits)
    bounds = [
        _Bound(by_share, ReasonCode.BELOW_NOTIONAL_FLOOR, f"largest position {share:.2%} of equity = {by_share:.2f}"),
        _Bound(
            affordable,
            ReasonCode.INSUFFICIENT_FREE_BALANCE,
            f"affordable from free {basis.free_quote:.2f} after slippage and fee = {affordable:.2f}",
        ),
    ]
    if limits.room_quote is not None:
        words = f"left by the protections of the account = {limits.room_quote:.2f}"
        bounds.append(_Bound(limits.room_quote, ReasonCode.BELOW_NOTIONAL_FLOOR, words))
    most = instrument.largest_notional(basis.ask)
    if most is not None:
        words = f"the exchange's largest order = {most:.2f}"
        bounds.append(_Bound(most, ReasonCode.BELOW_EXCHANGE_MINIMUM, words, is_remote=True))
    return bounds


def _smallest_words(
    basis: SizingBasis, instrument: Instrument, limits: EntryLimits, closable: Decimal, floor: Decimal
) -> str:
    if floor >= closable:
        return f"smallest order: the floor of {plain(limits.notional_floor_quote)} = {plain(floor)} {instrument.base}"
    return (
        f"smallest order: {plain(closable)} {instrument.base} = {closable * basis.ask:.2f}, so that the"
        f" {plain(sellable_after(closable, instrument))} left after the fee can be sold at {plain(basis.exit_price)}"
        f" (the exchange's minimum is {plain(instrument.min_notional_quote)})"
    )


def _result_words(basis: SizingBasis, instrument: Instrument, wanted: Decimal, quantity: Decimal) -> str:
    how = "as proposed" if quantity == wanted else "raised to the smallest" if quantity > wanted else "cut to the limit"
    notional = quantity * basis.ask
    return f"{how}: {plain(quantity)} {instrument.base} at {plain(basis.ask)} = {notional:.2f} {instrument.quote}"


def _refusal(
    tightest: _Bound, closable: Decimal, basis: SizingBasis, instrument: Instrument, limits: EntryLimits
) -> ReasonCode:
    """Which of the rules leaves no room: the plainest one first."""
    least = max(limits.notional_floor_quote, instrument.min_notional_quote)
    if basis.free_quote / _worst_cost_factor(instrument, limits) < least:
        return ReasonCode.INSUFFICIENT_FREE_BALANCE
    if instrument.smallest_quantity(basis.ask) * basis.ask > tightest.notional:
        return ReasonCode.BELOW_EXCHANGE_MINIMUM
    if tightest.notional < limits.notional_floor_quote:
        return tightest.reason
    if closable * basis.ask > tightest.notional:
        return ReasonCode.NOT_CLOSABLE
    return ReasonCode.BELOW_EXCHANGE_MINIMUM  # no lot lies between floor and limit
