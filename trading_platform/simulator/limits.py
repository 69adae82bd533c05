"""The exchange's rate limits: request weight and raw requests per address, unfilled orders per account.

Windows are fixed and aligned to the clock, as the exchange's are. A client that goes on after 429 is
banned (418), each time for longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from trading_platform.simulator.wire_errors import WireError

_INTERVAL_MS: Final = {"SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_MAX_BAN_MS: Final = 3 * 86_400_000
_FILL_CREDIT_TAKER: Final = 1
_FILL_CREDIT_MAKER: Final = 5


@dataclass(frozen=True)
class RateLimitRule:
    """One entry of exchangeInfo's ``rateLimits``."""

    kind: str
    interval: str
    interval_num: int
    limit: int

    @property
    def window_ms(self) -> int:
        return _INTERVAL_MS[self.interval] * self.interval_num

    @property
    def header_suffix(self) -> str:
        return f"{self.interval_num}{self.interval[0]}"

    def wire(self) -> dict[str, object]:
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.interval_num,
            "limit": self.limit,
        }


@dataclass(frozen=True)
class LimitSettings:
    """How much a client may ask, and how it's banned when it goes on after a 429."""

    weight_per_minute: int = 6_000
    raw_requests_per_5_minutes: int = 300_000
    orders_per_10_seconds: int = 100
    orders_per_day: int = 200_000
    refusals_before_ban: int = 10
    first_ban_seconds: int = 120
    ban_growth: int = 4
    connections_per_5_minutes: int = 300
    incoming_messages_per_second: int = 5
    streams_per_connection: int = 1_024

    def scaled(self, factor: int) -> LimitSettings:
        """The same limits for a market whose time runs ``factor`` times faster than the wall clock."""
        return replace(
            self,
            weight_per_minute=self.weight_per_minute * factor,
            raw_requests_per_5_minutes=self.raw_requests_per_5_minutes * factor,
            orders_per_10_seconds=self.orders_per_10_seconds * factor,
            orders_per_day=self.orders_per_day * factor,
        )

    def weight_rule(self) -> RateLimitRule:
        return RateLimitRule("REQUEST_WEIGHT", "MINUTE", 1, self.weight_per_minute)

    def raw_rule(self) -> RateLimitRule:
        return RateLimitRule("RAW_REQUESTS", "MINUTE", 5, self.raw_requests_per_5_minutes)

    def order_rules(self) -> tuple[RateLimitRule, RateLimitRule]:
        return (
            RateLimitRule("ORDERS", "SECOND", 10, self.orders_per_10_seconds),
            RateLimitRule("ORDERS", "DAY", 1, self.orders_per_day),
        )

    def wire(self) -> list[dict[str, object]]:
        return [rule.wire() for rule in (self.weight_rule(), *self.order_rules(), self.raw_rule())]


class WindowCounter:
    """Counts within the current fixed window of one rule."""

    def __init__(self, rule: RateLimitRule) -> None:
        self.rule = rule
        self._window = -1
        self._count = 0

    def count(self, now_ms: int) -> int:
        self._roll(now_ms)
        return self._count

    def add(self, amount: int, now_ms: int) -> None:
        self._roll(now_ms)
        self._count = max(0, self._count + amount)

    def would_exceed(self, amount: int, now_ms: int) -> bool:
        return self.count(now_ms) + amount > self.rule.limit

    def ms_left(self, now_ms: int) -> int:
        return self.rule.window_ms - now_ms % self.rule.window_ms

    def _roll(self, now_ms: int) -> None:
        window = now_ms // self.rule.window_ms
        if window != self._window:
            self._window, self._count = window, 0


@dataclass
class _Address:
    weight: WindowCounter
    raw: WindowCounter
    connections: WindowCounter
    refusals: int = 0
    bans: int = 0
    banned_until_ms: int = 0


@dataclass
class RequestLimiter:
    """Request weight, raw requests, connections and bans of each client address."""

    settings: LimitSettings
    _addresses: dict[str, _Address] = field(default_factory=dict)

    def admit(self, address: str, weight: int, now_ms: int) -> None:
        """Count a request; raise 429 beyond a limit, 418 while banned."""
        client = self._client(address)
        self._check_ban(client, now_ms)
        for counter, amount in ((client.raw, 1), (client.weight, weight)):
            if counter.would_exceed(amount, now_ms):
                self._refuse(client, counter, now_ms)
        client.raw.add(1, now_ms)
        client.weight.add(weight, now_ms)
        client.refusals = 0

    def admit_connection(self, address: str, now_ms: int) -> None:
        """Count a WebSocket handshake; raise 429 beyond the limit."""
        client = self._client(address)
        self._check_ban(client, now_ms)
        if client.connections.would_exceed(1, now_ms):
            self._refuse(client, client.connections, now_ms)
        client.connections.add(1, now_ms)

    def refund(self, address: str, weight: int, now_ms: int) -> None:
        """Give back the weight of an order that was placed or cancelled: those cost nothing."""
        self._client(address).weight.add(-weight, now_ms)

    def used_weight(self, address: str, now_ms: int) -> int:
        return self._client(address).weight.count(now_ms)

    def headers(self, address: str, now_ms: int) -> dict[str, str]:
        used = str(self.used_weight(address, now_ms))
        return {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}

    def _client(self, address: str) -> _Address:
        found = self._addresses.get(address)
        if found is None:
            settings = self.settings
            found = self._addresses[address] = _Address(
                WindowCounter(settings.weight_rule()),
                WindowCounter(settings.raw_rule()),
                WindowCounter(RateLimitRule("CONNECTIONS", "MINUTE", 5, settings.connections_per_5_minutes)),
            )
        return found

    def _check_ban(self, client: _Address, now_ms: int) -> None:
        if now_ms < client.banned_until_ms:
            raise _banned(client.banned_until_ms, now_ms)

    def _refuse(self, client: _Address, counter: WindowCounter, now_ms: int) -> None:
        client.refusals += 1
        if client.refusals > self.settings.refusals_before_ban:
            ban_ms = self.settings.first_ban_seconds * 1_000 * self.settings.ban_growth**client.bans
            client.bans += 1
            client.refusals = 0
            client.banned_until_ms = now_ms + min(ban_ms, _MAX_BAN_MS)
            raise _banned(client.banned_until_ms, now_ms)
        raise _too_many_requests(counter, now_ms)


@dataclass
class OrderLimiter:
    """Unfilled orders of each account: an order counts until its first fill."""

    settings: LimitSettings
    _accounts: dict[str, list[WindowCounter]] = field(default_factory=dict)

    def check(self, account: str, orders: int, now_ms: int) -> None:
        """Raise -1015 if the account may not place ``orders`` more."""
        for counter in self._counters(account):
            if counter.would_exceed(orders, now_ms):
                rule = counter.rule
                raise WireError(
                    -1015,
                    f"Too many new orders; current limit is {rule.limit} orders per "
                    f"{rule.interval_num} {rule.interval}.",
                    status=429,
                )

    def placed(self, account: str, orders: int, now_ms: int) -> None:
        for counter in self._counters(account):
            counter.add(orders, now_ms)

    def first_fill(self, account: str, now_ms: int, *, maker: bool) -> None:
        """An order traded for the first time, so it no longer counts (a maker's earns more)."""
        credit = _FILL_CREDIT_MAKER if maker else _FILL_CREDIT_TAKER
        for counter in self._counters(account):
            counter.add(-credit, now_ms)

    def headers(self, account: str, now_ms: int) -> dict[str, str]:
        return {
            f"X-MBX-ORDER-COUNT-{counter.rule.header_suffix}": str(counter.count(now_ms))
            for counter in self._counters(account)
        }

    def wire(self, account: str, now_ms: int) -> list[dict[str, object]]:
        """The body of ``GET /api/v3/rateLimit/order``."""
        return [counter.rule.wire() | {"count": counter.count(now_ms)} for counter in self._counters(account)]

    def _counters(self, account: str) -> list[WindowCounter]:
        return self._accounts.setdefault(account, [WindowCounter(rule) for rule in self.settings.order_rules()])


def _seconds(ms: int) -> int:
    return max(1, -(-ms // 1_000))


def _too_many_requests(counter: WindowCounter, now_ms: int) -> WireError:
    rule = counter.rule
    window = f"{rule.interval_num} {rule.interval}"
    message = (
        f"Too much request weight used; current limit is {rule.limit} request weight per {window}. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
        if rule.kind == "REQUEST_WEIGHT"
        else f"Too many requests; current limit is {rule.limit} requests per {window}."
    )
    return WireError(-1003, message, status=429, headers={"Retry-After": str(_seconds(counter.ms_left(now_ms)))})


def _banned(until_ms: int, now_ms: int) -> WireError:
    return WireError(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
        headers={"Retry-After": str(_seconds(until_ms - now_ms))},
    )
