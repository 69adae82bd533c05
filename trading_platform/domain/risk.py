"""Limits of what may be risked, and the reason codes of every decision."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class ReasonCode(StrEnum):
    """Why a decision came out as it did; stored with it."""

    APPROVED = "approved"
    # entries refused for good
    SIGNAL_EXPIRED = "signal_expired"
    SUPERSEDED = "superseded_by_newer_signal"
    POSITION_EXISTS = "position_exists"
    NO_POSITION = "no_position_to_close"
    TOO_MANY_POSITIONS = "too_many_open_positions"
    COOLDOWN = "symbol_cooling_down"
    BELOW_NOTIONAL_FLOOR = "below_notional_floor"
    BELOW_EXCHANGE_MINIMUM = "below_exchange_minimum"
    NOT_CLOSABLE = "exit_below_exchange_minimum"
    STOP_NOT_PLACEABLE = "stop_not_placeable"
    NO_EDGE = "no_edge_in_closed_trades"
    NO_SIZE = "no_method_gives_a_size"
    INSUFFICIENT_FREE_BALANCE = "insufficient_free_balance"
    REJECTED_BY_VENUE = "rejected_by_venue"
    NOT_FILLED = "not_filled"
    # entries refused to protect the account, for as long as the rule says
    HALTED = "trading_halted"
    NOT_ARMED = "live_trading_not_armed"
    MAX_DRAWDOWN = "maximum_drawdown"
    DAILY_LOSS = "daily_loss_limit"
    LOSING_STREAK = "losing_streak"
    SYMBOL_EXPOSURE = "symbol_exposure_limit"
    TOTAL_EXPOSURE = "total_exposure_limit"
    LIVE_CAP = "live_cap"
    CORRELATED = "correlated_with_held"
    ORDER_RATE = "too_many_orders"
    PRICE_BAND = "price_out_of_band"
    STALE_BALANCE = "balance_too_old"
    # entries put off while they are valid
    DATA_NOT_TRUSTED = "data_not_trusted"
    CLOCK_DRIFT = "venue_clock_drift"
    NO_FRESH_PRICE = "no_fresh_price"
    BALANCE_NOT_RECONCILED = "balance_not_reconciled"
    BALANCE_DIFFERS = "balance_differs_from_venue"
    ORDER_IN_FLIGHT = "order_in_flight"
    FOREIGN_ORDER = "foreign_order_at_venue"
    SLIPPAGE = "slippage_beyond_bound"
    # sales and stops put off
    MARKET_CLOSED = "market_closed"


class PositionShareTier(BaseModel):
    """Largest share of the equity in one position, for accounts below a size.

    Parameters
    ----------
    below_equity_quote
        The tier holds for equity below this; None for the last tier.
    share
        Fraction of the equity, 0 < share <= 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    below_equity_quote: Decimal | None = None
    share: Decimal = Field(gt=0, le=1)


def largest_position_share(tiers: Sequence[PositionShareTier], equity_quote: Decimal) -> Decimal:
    """Share of the first tier that the equity is below; tiers ascend and the last one has no bound."""
    for tier in tiers:
        if tier.below_equity_quote is None or equity_quote < tier.below_equity_quote:
            return tier.share
    return tiers[-1].share
