"""Where a position's stop and target lie, and what is to be done about them now. Rules only: nothing is sent here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from trading_platform.domain.instrument import Instrument, ceil_to_step, floor_to_step, plain
from trading_platform.domain.order import Order, OrderStatus
from trading_platform.domain.position import Position
from trading_platform.domain.signal import Leg, LegKind

HUNDRED = Decimal(100)


@dataclass(frozen=True)
class ProtectionRules:
    """How positions are protected.

    Parameters
    ----------
    stop_atr_multiple
        Distance of the stop from the entry in average true ranges, between `min_stop_percent` and
        `max_stop_percent` of the entry's price; None: `stop_percent` of it, as also without an average true range.
    target_reward_multiple
        Distance of the target in distances of the stop; None: `target_percent` of the entry's price. Without either
        there is no target.
    trailing_activation_percent
        From this gain on the stop follows the price, `trailing_distance_percent` below it and in steps of at least
        `trailing_step_percent` of the stop; None: it stays where it is.
    stop_limit_offset_percent
        How far below its stop price the stop still sells; 0: at any price.
    max_holding
        On the venue's clock; None: for ever.
    """

    stop_atr_multiple: Decimal | None
    stop_percent: Decimal
    min_stop_percent: Decimal
    max_stop_percent: Decimal
    target_reward_multiple: Decimal | None
    target_percent: Decimal | None
    trailing_activation_percent: Decimal | None
    trailing_distance_percent: Decimal
    trailing_step_percent: Decimal
    stop_limit_offset_percent: Decimal
    max_holding: timedelta | None


@dataclass(frozen=True)
class Levels:
    """Prices at which a position is given up, and cashed in (None: never)."""

    stop: Decimal
    target: Decimal | None


class SellReason(StrEnum):
    """Why a position is sold at the market although no signal says so."""

    HELD_TOO_LONG = "held_too_long"
    STOP_REACHED = "stop_reached"
    TARGET_REACHED = "target_reached"
    STOP_REFUSED = "stop_refused_by_venue"
    TOO_SMALL_FOR_A_STOP = "too_small_for_a_stop"

    @property
    def is_emergency(self) -> bool:
        """Whether it comes of a stop that couldn't be placed: the owner is told."""
        return self in (SellReason.STOP_REFUSED, SellReason.TOO_SMALL_FOR_A_STOP)


@dataclass(frozen=True)
class Place:
    """Put a stop, and a target if it has one, over so much base."""

    quantity: Decimal
    levels: Levels
    stop_limit: Decimal | None

    @property
    def summary(self) -> str:
        """In a few words."""
        at_least = "" if self.stop_limit is None else f" (not below {plain(self.stop_limit)})"
        target = "" if self.levels.target is None else f" or at {plain(self.levels.target)}"
        return f"sell {plain(self.quantity)} at {plain(self.levels.stop)}{at_least}{target}"


@dataclass(frozen=True)
class Withdraw:
    """Take back what rests, and look again."""

    why: str


@dataclass(frozen=True)
class Sell:
    """Sell at the market, after taking back what rests."""

    reason: SellReason
    why: str


@dataclass(frozen=True)
class Leave:
    """Nothing to do now.

    Parameters
    ----------
    is_protected
        Whether the stop rests at the venue.
    """

    why: str
    is_protected: bool


Step = Place | Withdraw | Sell | Leave


@dataclass(frozen=True)
class Attempt:
    """A stop with the target it was placed together with."""

    number: int
    stop: Order
    target: Order | None

    @property
    def orders(self) -> tuple[Order, ...]:
        """The stop first."""
        return (self.stop,) if self.target is None else (self.stop, self.target)


def attempts(orders: Iterable[Order]) -> list[Attempt]:
    """The stops and targets among a signal's orders, the first attempt first."""
    legs = {Leg.parse(order.leg): order for order in orders if order.kind.is_protective}
    return [
        Attempt(leg.attempt, order, legs.get(Leg(LegKind.TARGET, leg.attempt)))
        for leg, order in sorted(legs.items(), key=lambda item: item[0].attempt)
        if leg.kind is LegKind.STOP
    ]


def first_levels(entry_price: Decimal, atr: Decimal | None, rules: ProtectionRules, instrument: Instrument) -> Levels:
    """Levels of a new position.

    The stop lies ``multiple * ATR`` below the entry (Wilder's average true range; within its bounds), the target a
    multiple of that distance above it.
    """
    distance = entry_price * rules.stop_percent / HUNDRED
    if rules.stop_atr_multiple is not None and atr is not None and atr > 0:
        nearest, farthest = (
            entry_price * percent / HUNDRED for percent in (rules.min_stop_percent, rules.max_stop_percent)
        )
        distance = min(max(rules.stop_atr_multiple * atr, nearest), farthest)
    target = None
    if rules.target_reward_multiple is not None:
        target = entry_price + rules.target_reward_multiple * distance
    elif rules.target_percent is not None:
        target = entry_price * (1 + rules.target_percent / HUNDRED)
    tick = instrument.tick_size
    return Levels(floor_to_step(entry_price - distance, tick), None if target is None else ceil_to_step(target, tick))


def stop_limit(stop: Decimal, rules: ProtectionRules, instrument: Instrument) -> Decimal | None:
    """The lowest price that a stop asks once it is reached; None: it sells at any price."""
    if not rules.stop_limit_offset_percent:
        return None
    return floor_to_step(stop * (1 - rules.stop_limit_offset_percent / HUNDRED), instrument.tick_size)


def known_levels(made: Sequence[Attempt]) -> Levels | None:
    """The levels in force: the highest stop so far, for a stop is only ever raised, and the first target."""
    stops = [attempt.stop.stop_price for attempt in made if attempt.stop.stop_price is not None]
    targets = [attempt.target.limit_price for attempt in made if attempt.target is not None]
    return Levels(max(stops), targets[0] if targets else None) if stops else None


def trailed_stop(stop: Decimal, entry_price: Decimal, price: Decimal, rules: ProtectionRules) -> Decimal | None:
    """Where the stop is to be raised to (off the tick grid), None if it stays where it is."""
    if rules.trailing_activation_percent is None:
        return None
    if price < entry_price * (1 + rules.trailing_activation_percent / HUNDRED):
        return None
    follows = price * (1 - rules.trailing_distance_percent / HUNDRED)
    return follows if follows >= stop * (1 + rules.trailing_step_percent / HUNDRED) else None


def has_been_held_too_long(position: Position, now: datetime, rules: ProtectionRules) -> bool:
    """Whether the position's time is over, on the venue's clock."""
    return rules.max_holding is not None and now - position.opened_at > rules.max_holding


def next_step(
    position: Position,
    sellable: Decimal,
    made: Sequence[Attempt],
    *,
    price: Decimal | None,
    atr: Decimal | None,
    now: datetime,
    rules: ProtectionRules,
    instrument: Instrument,
) -> Step:
    """What the position's protection needs now.

    Parameters
    ----------
    sellable
        What can be sold once everything that rests is taken back, on the lot grid; zero if the base has left.
    made
        Every attempt so far.
    price
        The last trade's, if it is fresh. A stop is placed without it, too: the venue refuses what can't rest.
    now
        Venue's clock.
    """
    live = [order for attempt in made for order in attempt.orders if not order.status.is_final]
    if any(order.status in _UNANSWERED for order in live):
        return Leave("what the venue made of its stop isn't known yet", is_protected=False)
    if not (live or sellable):
        return Leave("its base is no longer in the account", is_protected=False)
    if has_been_held_too_long(position, now, rules):
        return Sell(SellReason.HELD_TOO_LONG, f"held for more than {rules.max_holding}")
    levels = known_levels(made) or first_levels(_entry_price(position), atr, rules, instrument)
    levels = _on_grid(levels, instrument)  # which may be another than when they were placed
    raised = None if price is None else _raised_stop(levels.stop, _entry_price(position), price, rules, instrument)
    if live:
        return _look_after(live, sellable, price, raised)
    if made and made[-1].stop.status is OrderStatus.REJECTED:
        if made[-1].target is None:
            return Sell(SellReason.STOP_REFUSED, "the venue has refused its stop")
        levels = Levels(levels.stop, None)  # better a stop alone than none
    elif made and made[-1].target is None and made[-1].stop.status is not OrderStatus.FILLED:
        levels = Levels(levels.stop, None)
    if raised is not None:
        levels = Levels(raised, levels.target)
    return _place(sellable, levels, price, rules, instrument)


_UNANSWERED = (OrderStatus.INTENDED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


def _look_after(live: Sequence[Order], sellable: Decimal, price: Decimal | None, raised: Decimal | None) -> Step:
    """What rests stays, unless it no longer fits what is held."""
    for order in live:
        if order.filled_quantity:
            hit = SellReason.STOP_REACHED if order.stop_price is not None else SellReason.TARGET_REACHED
            return Sell(hit, f"its {order.leg} was filled in part, which ended the other")
        limit = order.limit_price if order.stop_price is not None else None
        if limit is not None and price is not None and price < limit:
            return Sell(SellReason.STOP_REACHED, f"the price fell past its stop's limit {limit}")
    if any(order.cancel_requested_at is not None for order in live):
        return Withdraw("its cancel isn't confirmed yet")
    stops = [order for order in live if order.stop_price is not None]
    if not stops:
        return Withdraw("its target rests without a stop")
    if stops[0].quantity != sellable:
        return Withdraw(f"{sellable} is held now, not {stops[0].quantity}")
    if raised is not None:
        return Withdraw(f"the stop rises to {raised:.8g}")
    return Leave("its stop rests at the venue", is_protected=True)


def _place(
    quantity: Decimal, levels: Levels, price: Decimal | None, rules: ProtectionRules, instrument: Instrument
) -> Step:
    if price is not None and price <= levels.stop:
        return Sell(SellReason.STOP_REACHED, f"the price {price} has reached its stop {levels.stop} already")
    if price is not None and levels.target is not None and price >= levels.target:
        return Sell(SellReason.TARGET_REACHED, f"the price {price} has reached its target {levels.target} already")
    limit = stop_limit(levels.stop, rules, instrument)
    if limit is not None and price is not None and not instrument.takes_sell_price(limit, price):
        limit = None  # sold at any price rather than without a stop
    if not instrument.is_tradable(quantity, limit or levels.stop):
        return Sell(SellReason.TOO_SMALL_FOR_A_STOP, f"{quantity} at {levels.stop} is no order for the venue")
    target = levels.target
    if target is not None and price is not None and not instrument.takes_sell_price(target, price):
        target = None
    return Place(quantity, Levels(levels.stop, target), limit)


def _raised_stop(
    stop: Decimal, entry_price: Decimal, price: Decimal, rules: ProtectionRules, instrument: Instrument
) -> Decimal | None:
    """Where the stop is raised to, on the tick grid; None if it stays: a tick may be wider than a step."""
    follows = trailed_stop(stop, entry_price, price, rules)
    raised = stop if follows is None else floor_to_step(follows, instrument.tick_size)
    return raised if raised > stop else None


def _on_grid(levels: Levels, instrument: Instrument) -> Levels:
    tick, target = instrument.tick_size, levels.target
    return Levels(floor_to_step(levels.stop, tick), None if target is None else ceil_to_step(target, tick))


def _entry_price(position: Position) -> Decimal:
    """What the position cost per unit; it has a quantity, or it would be closed."""
    price = position.average_price
    if price is None:
        raise ValueError(f"the position in {position.symbol} is empty")
    return price
