"""What no order can sell counts as dust: it must neither block its symbol nor be offered to the venue for good."""

from __future__ import annotations

from trading_platform.domain.instrument import plain
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.signal import Leg, Signal
from trading_platform.services.decide import refuse
from trading_platform.services.guard import fresh_price
from trading_platform.services.known_prices import known_prices
from trading_platform.services.known_time import known_time
from trading_platform.services.trading_desk import TradingDesk


def leave_dust(desk: TradingDesk, symbol: str, signal: Signal, leg: Leg, why: str) -> bool:
    """Close the symbol's position if it is below the venue's smallest order now, and was so when it was bought.

    An entry that filled a little and then ended leaves such a one. It is sold with what is bought next. One that has
    lost its worth is no dust, nor what a single wrong price makes look so: that is offered to the venue as before.

    Returns
    -------
    bool
        Whether it was closed.
    """
    position = next((each for each in desk.ledger.open_positions(desk.account) if each.symbol == symbol), None)
    price = fresh_price(known_prices(desk.store, [symbol]), symbol, desk)
    if position is None or price is None:
        return False
    dearest = max(price, position.average_price or price)
    now = known_time(desk.ledger, desk.clock, desk.account).now
    left = desk.ledger.close_dust(desk.account, desk.instrument(symbol), dearest, now)
    if left is None:
        return False
    told = f"{why}: {plain(left.quantity)} at {plain(price)} is no order for the venue; it stays as dust"
    refuse(desk, signal, leg, ReasonCode.BELOW_EXCHANGE_MINIMUM, told)
    return True
