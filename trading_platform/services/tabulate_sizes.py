"""What accounts of several sizes would buy: every symbol tradable and closable, or refused with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.instrument import Instrument
from trading_platform.domain.sizing import SizingBasis, size_entry
from trading_platform.domain.sizing.closable import sellable_after
from trading_platform.services.size_position import entry_limits, planned_exit
from trading_platform.settings import Settings

ZERO = Decimal(0)
BALANCES = (Decimal(20), Decimal("84.54"), Decimal(1000), Decimal(100_000))


@dataclass(frozen=True)
class Quoted:
    """A symbol with its rules and its present price."""

    instrument: Instrument
    ask: Decimal
    atr: Decimal | None = None
    volatility: float | None = None


@dataclass(frozen=True)
class SizeRow:
    """What an account that holds nothing but `balance` would buy of a symbol.

    Parameters
    ----------
    sellable, exit_price
        What is left after the fee and the lot grid, and the price at which the stop would sell it.
    refusal
        Reason code; empty for an order.
    how
        The steps, or the refusal in words.
    """

    balance: Decimal
    symbol: str
    ask: Decimal
    quantity: Decimal
    notional: Decimal
    sellable: Decimal
    exit_price: Decimal
    refusal: str
    how: str

    @property
    def exit_notional(self) -> Decimal:
        """What the stop would bring, before its fee."""
        return self.sellable * self.exit_price


def tabulate_sizes(
    quoted: Iterable[Quoted], settings: Settings, balances: Sequence[Decimal] = BALANCES
) -> list[SizeRow]:
    """One row per symbol and balance, by the sizing that entries have; nothing is read and nothing is sent."""
    return [_row(each, balance, settings) for each in quoted for balance in balances]


def _row(quoted: Quoted, balance: Decimal, settings: Settings) -> SizeRow:
    instrument, ask = quoted.instrument, quoted.ask
    exit_ = planned_exit(ask, quoted.atr, settings, instrument)
    quantity, refusal, how = ZERO, "", ""
    if instrument.quote != settings.account.quote:
        refusal = "not_quoted_in_account"
        how = f"quoted in {instrument.quote}, the account holds {settings.account.quote}"
    else:
        basis = SizingBasis(balance, balance, ask, exit_.stop_price, exit_.stop_limit, quoted.volatility)
        try:
            sized = size_entry(basis, instrument, settings.sizing, entry_limits(settings, settings.risk.slippage_bps))
            quantity, how = sized.quantity, "; ".join(sized.steps)
        except RefuseTrade as refused:
            refusal, how = refused.reason_code, str(refused)
    return SizeRow(
        balance=balance,
        symbol=instrument.symbol,
        ask=ask,
        quantity=quantity,
        notional=quantity * ask,
        sellable=sellable_after(quantity, instrument),
        exit_price=exit_.stop_price if exit_.stop_limit is None else exit_.stop_limit,
        refusal=refusal,
        how=how,
    )
