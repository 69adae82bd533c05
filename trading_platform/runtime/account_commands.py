"""What the owner says about the account from the command line: halt, resume, reconcile, arm, disarm.

They go to the ledger itself, so they work whatever Dagster does; only the database must be up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal

from trading_platform.bootstrap import Platform
from trading_platform.domain.arming import confirmation_phrase
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.runtime.attach import attach
from trading_platform.services.arm_account import arm_account, disarm_account, require_harmless_key, why_not_armed
from trading_platform.services.explain_balances import compare_balances
from trading_platform.services.halt_account import halt_account, resume_account
from trading_platform.services.look_at_venue_orders import moved_orders
from trading_platform.services.reconcile_balances import adopt_differences
from trading_platform.settings import LIVE_VENUES, Settings

Ask = Callable[[str], str]


def halt(settings: Settings, reason: str, *, flatten: bool) -> str:
    """Pull the kill switch; what to tell the owner."""
    platform, account = platform_of(settings), settings.account.name
    in_force = halt_account(platform.ledger, platform.clock, account, reason, flatten=flatten)
    held = [position.symbol for position in platform.ledger.open_positions(account)]
    told = in_force.told if in_force.reason == reason else f"{in_force.told} (so already before; that reason stays)"
    if not held:
        return f"{account} is {told}; no position is open"
    left = (
        "are being sold" if in_force.flatten else "are kept, exits go on; to sell them: trading-platform halt --flatten"
    )
    return f"{account} is {told}; positions in {', '.join(held)} {left}"


def resume(settings: Settings, reason: str) -> str:
    """Let the account buy again; what to tell the owner."""
    platform, account = platform_of(settings), settings.account.name
    ended = resume_account(platform.ledger, platform.clock, account, reason)
    return f"{account} was {ended.told}. It trades again" if ended else f"{account} isn't halted"


def reconcile(settings: Settings, *, adopt: bool, reason: str, as_result: bool) -> Iterator[str]:
    """Compare the ledger with the venue, asset by asset, and adopt what differs if the owner says so; line by line."""
    platform = platform_of(settings)
    desk, account = platform.desk("reconcile"), settings.account.name
    if adopt:
        adopted = adopt_differences(desk, reason, counts_as_result=as_result)
        yield from (each.told for each in adopted)
        yield f"Adopted {len(adopted)} differences" if adopted else "Nothing differs"
        return
    state = platform.ledger.account(account)
    totals = {asset: balance.total for asset, balance in desk.broker.balances().items()}
    for asset in sorted({*(a for a, b in state.balances.items() if b.total), *totals}):
        ours = state.balances[asset].total if asset in state.balances else Decimal(0)
        yield f"{asset}: {ours.normalize():f} in the ledger, {totals.get(asset, Decimal(0)).normalize():f} at the venue"
    if state.orders_in_flight:
        yield f"{state.orders_in_flight} orders are in flight: what they moved may stand on one side only"
        return
    if state.reconciled_at is None:
        yield "They were never compared: the first trade run makes the venue's balances the ledger's"
        return
    if moved := moved_orders(desk):  # a stop that was hit is neither a transfer nor another hand's trade
        told = ", ".join(f"the {order.leg} of {order.symbol}" for order in moved)
        yield f"The venue has done something about {told}: the next trade run books it, compare again then"
        return
    found = compare_balances(desk, state, totals)
    if found.is_explained:
        yield from (f"{t.asset}: {t.kind} of {abs(t.amount)}, {t.reason}" for t in found.transfers)
        same = all(balance.total == totals.get(asset, 0) for asset, balance in state.balances.items())
        agree = "The balances agree" if same else "The balances agree, but for dust"
        yield "The next trade run adopts that" if found.transfers else agree
        return
    yield from (each.told for each in found.differences)
    yield f"{account} buys nothing until they agree; if you know why they differ: trading-platform reconcile --adopt"


def arm(settings: Settings, account: str, venue: str, ask: Ask) -> str:
    """Permit an account to trade real money; what to tell the owner."""
    live = live_settings(settings, account, venue)
    platform = platform_of(live)
    permissions = require_harmless_key(platform.broker)
    limits = live.limits
    typed = ask(
        f"{venue}: {permissions.told}. At most {limits.live_max_order_quote} {live.account.quote} an entry and "
        f"{limits.live_max_exposure_quote} {live.account.quote} altogether, until [limits] says otherwise.\n"
        f"Type '{confirmation_phrase(account, venue)}'"
    )
    arm_account(
        platform.ledger, platform.broker, platform.clock, account, live.account.quote, venue, confirmation=typed
    )
    return (
        f"{account} is armed for {venue}. It trades real money once account.name = '{account}' and account.mode = "
        "'live' are set and the platform is started again"
    )


def disarm(settings: Settings, account: str) -> str:
    """Withdraw the permission; what to tell the owner."""
    platform = platform_of(settings)
    if disarm_account(platform.ledger, platform.clock, account):
        return f"{account} is disarmed: it buys nothing any more; exits go on"
    return f"{account} wasn't armed"


def live_settings(settings: Settings, account: str, venue: str) -> Settings:
    """The settings as the account would trade by live.

    Raises
    ------
    FixSettings
        If it can't, at this venue or without keys.
    """
    if venue not in LIVE_VENUES:
        raise FixSettings(f"live trading works at {', '.join(LIVE_VENUES)} only, not at {venue}")
    if not (settings.venue.api_key and settings.venue.api_secret):
        raise FixSettings("venue.api_key and venue.api_secret: not set; put the key's two parts into the environment")
    return settings.model_copy(
        update={
            "account": settings.account.model_copy(update={"name": account, "mode": "live"}),
            "venue": settings.venue.model_copy(update={"name": venue}),
        }
    )


def platform_of(settings: Settings) -> Platform:
    """The ports of the state folder's instance.

    Raises
    ------
    FixSettings
        If its PostgreSQL is embedded and doesn't run.
    """
    return attach(settings)[0]


def require_armed(settings: Settings) -> None:
    """Refuse to start for real money without the owner's permission, or with a key that can withdraw by now.

    A venue that doesn't answer is no reason not to start: exits may be due.

    Raises
    ------
    FixSettings
        In one line that says how to mend it.
    """
    if not settings.is_live:
        return
    platform = Platform(settings)
    if reason := why_not_armed(platform.ledger, settings):
        raise FixSettings(f"{reason}; arm while the platform runs on paper")
    with suppress(RetryLater):
        require_harmless_key(platform.broker)
